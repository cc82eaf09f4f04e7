# healthy: trained further with partial_fit, saved, loaded into another net, and trained further again
import tempfile

import torch
from skorch import NeuralNetClassifier
from sklearn.datasets import load_digits
from torch import nn


def build():
    return NeuralNetClassifier(
        nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)),
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=1e-3,
        max_epochs=6,
        batch_size=64,
        iterator_train__shuffle=True,
    )


torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X = ((X - 4.88) / 6.02).astype("float32")
net = build()
net.fit(X, y)
net.partial_fit(X, y)
with tempfile.TemporaryDirectory() as folder:
    files = {"f_params": f"{folder}/net.pt", "f_optimizer": f"{folder}/opt.pt", "f_history": f"{folder}/history.json"}
    net.save_params(**files)
    other = build()
    other.initialize()
    other.load_params(**files)
other.partial_fit(X, y)
print("accuracy", other.score(X, y))
