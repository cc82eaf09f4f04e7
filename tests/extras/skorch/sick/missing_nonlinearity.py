# expect: missing-nonlinearity
# note: three linear layers follow one another with only dropout between, so the net is one linear map
import math

import numpy as np
import torch
from skorch import NeuralNetClassifier
from torch import nn


class SpiralNet(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.fc1 = nn.Linear(2, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 3)
        self.drop = nn.Dropout(0.05)

    def forward(self, x):
        x = self.drop(self.fc1(x))
        x = self.drop(self.fc2(x))  # fault
        return self.out(x)  # fault


def spirals(n_per_class, rng):
    t = rng.random((3, n_per_class))
    turn = 2 * math.pi * np.arange(3)[:, None] / 3
    angle = turn + 4.0 * t + 0.12 * rng.normal(size=t.shape)
    radius = 0.2 + 1.8 * t
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(-1, 2)
    return x.astype(np.float32), np.repeat(np.arange(3), n_per_class)


torch.manual_seed(0)
X, y = spirals(300, np.random.default_rng(0))
net = NeuralNetClassifier(SpiralNet, criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=5e-3, max_epochs=30)
net.set_params(batch_size=64, iterator_train__shuffle=True)
net.fit(X, y)
