# expect: lr-too-low
# accept: tiny-updates, loss-flat, stopped-early
# note: Adam at 1e-6 in a pipeline; the loss hardly moves and the accuracy stays near chance
import torch
from skorch import NeuralNetClassifier
from sklearn.datasets import load_digits
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import nn


class ConvNet(nn.Module):
    def __init__(self, dropout=0.25):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.fc1 = nn.Linear(32 * 4, 64)
        self.fc2 = nn.Linear(64, 10)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        x = self.dropout(torch.relu(self.fc1(torch.flatten(x, 1))))
        return self.fc2(x)


torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
net = NeuralNetClassifier(
    ConvNet,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    optimizer__lr=1e-6,
    max_epochs=14,
    batch_size=48,
    iterator_train__shuffle=True,
)
pipe = Pipeline([
    ("scale", StandardScaler()),
    ("images", FunctionTransformer(lambda x: x.reshape(-1, 1, 8, 8).astype("float32"))),
    ("net", net),
])
pipe.fit(X, y)  # fault
