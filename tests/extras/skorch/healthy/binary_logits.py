# healthy: NeuralNetBinaryClassifier, which hands logits to a loss that takes them
import torch
from skorch import NeuralNetBinaryClassifier
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(30, 24)
        self.output = nn.Linear(24, 1)

    def forward(self, x):
        return self.output(torch.relu(self.hidden(x))).squeeze(-1)


torch.manual_seed(0)
X, y = load_breast_cancer(return_X_y=True)
X = StandardScaler().fit_transform(X).astype("float32")
net = NeuralNetBinaryClassifier(Net, optimizer=torch.optim.Adam, lr=2e-3, max_epochs=15, batch_size=32)
net.set_params(iterator_train__shuffle=True)
net.fit(X, y.astype("float32"))
print("accuracy", (net.predict(X) == y).mean())
