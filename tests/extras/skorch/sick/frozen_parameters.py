# expect: frozen-parameters
# note: skorch's Freezer freezes the trunk as for transfer learning although no weights were loaded
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Freezer
from sklearn.datasets import load_digits
from torch import nn


class Backbone(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU())  # fault
        self.stage1 = nn.Sequential(nn.Conv2d(width, 2 * width, 3, 2, 1), nn.ReLU())
        self.stage2 = nn.Sequential(nn.Conv2d(2 * width, 4 * width, 3, 2, 1), nn.ReLU())

    def forward(self, x):
        return self.stage2(self.stage1(self.stem(x))).flatten(1)


class Classifier(nn.Module):
    def __init__(self, n_features=128, n_classes=10):
        super().__init__()
        self.backbone = Backbone()
        self.head = nn.Linear(n_features, n_classes)

    def forward(self, x):
        return self.head(self.backbone(x))


torch.manual_seed(0)
digits = load_digits()
X = ((digits.images[:, None] / 16 - 0.305) / 0.376).astype("float32")
net = NeuralNetClassifier(
    Classifier,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    lr=2e-3,
    max_epochs=8,
    batch_size=40,
    iterator_train__shuffle=True,
    callbacks=[("freezer", Freezer("backbone.*"))],
)
net.fit(X, digits.target)
