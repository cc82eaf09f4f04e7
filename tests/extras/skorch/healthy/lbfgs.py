# healthy: LBFGS, whose closure skorch calls several times in a step
import numpy as np
import torch
from skorch import NeuralNetRegressor
from torch import nn

torch.manual_seed(0)
rng = np.random.default_rng(0)
X = np.linspace(-2, 2, 200, dtype=np.float32)[:, None]
y = (np.sin(2 * X) + 0.05 * rng.normal(size=X.shape)).astype(np.float32)

net = NeuralNetRegressor(
    nn.Sequential(nn.Linear(1, 20), nn.Tanh(), nn.Linear(20, 1)),
    optimizer=torch.optim.LBFGS,
    optimizer__line_search_fn="strong_wolfe",
    lr=1.0,
    max_epochs=15,
    batch_size=-1,
    train_split=None,
)
net.fit(X, y)
print("r2", net.score(X, y))
