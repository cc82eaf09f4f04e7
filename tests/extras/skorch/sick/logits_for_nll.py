# expect: unsafe-loss-arithmetic
# accept: logits-as-probabilities, loss-not-finite
# note: the net gives logits, but the default criterion of skorch, NLLLoss, takes the logarithm of what it is given
import numpy as np
import torch
from skorch import NeuralNetClassifier
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X, y = ((X - 4.88) / 6.02).astype(np.float32), y.astype(np.int64)


class Net(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))

    def forward(self, x):
        return self.layers(x)


net = NeuralNetClassifier(Net, optimizer=torch.optim.Adam, lr=1e-3, max_epochs=10, batch_size=64, train_split=None)
net.set_params(iterator_train__shuffle=True)
net.fit(X, y)  # fault
