# expect: double-softmax
# note: skorch takes probabilities for its default NLLLoss; with CrossEntropyLoss the net must give logits
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
        self.hidden = nn.Linear(64, hidden)
        self.output = nn.Linear(hidden, 10)

    def forward(self, x):
        x = torch.relu(self.hidden(x))
        return torch.softmax(self.output(x), dim=-1)  # fault


net = NeuralNetClassifier(
    Net,
    criterion=nn.CrossEntropyLoss,  # fault
    optimizer=torch.optim.Adam,
    lr=1e-3,
    max_epochs=15,
    batch_size=64,
    iterator_train__shuffle=True,
)
net.fit(X, y)
