# expect: broadcast-loss
# note: the net gives [samples, 1] and the target is [samples]: the squared error compares each with each
import numpy as np
import torch
from skorch import NeuralNetRegressor
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(0)
X, y = load_diabetes(return_X_y=True)
X = StandardScaler().fit_transform(X).astype(np.float32)
y = ((y - y.mean()) / y.std()).astype(np.float32)


class Regressor(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.hidden = nn.Linear(10, hidden)
        self.output = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.output(torch.relu(self.hidden(x)))


class Net(NeuralNetRegressor):
    def check_data(self, X, y):
        pass  # it refuses a target of one axis


net = Net(Regressor, optimizer=torch.optim.Adam, lr=3e-3, max_epochs=30, batch_size=34, iterator_train__shuffle=True)
net.fit(X, y)  # fault
