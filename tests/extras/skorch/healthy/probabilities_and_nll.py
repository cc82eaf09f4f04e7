# healthy: as in skorch's own example: a softmax at the end, since its NLLLoss takes the logarithm itself
import numpy as np
import torch
from skorch import NeuralNetClassifier
from sklearn.datasets import make_classification
from torch import nn

torch.manual_seed(0)
X, y = make_classification(1000, 20, n_informative=10, random_state=0)
X, y = X.astype(np.float32), y.astype(np.int64)


class MyModule(nn.Module):
    def __init__(self, num_units=10, nonlin=nn.ReLU()):
        super().__init__()
        self.dense0 = nn.Linear(20, num_units)
        self.nonlin = nonlin
        self.dropout = nn.Dropout(0.5)
        self.dense1 = nn.Linear(num_units, num_units)
        self.output = nn.Linear(num_units, 2)
        self.softmax = nn.Softmax(dim=-1)

    def forward(self, X, **kwargs):
        X = self.nonlin(self.dense0(X))
        X = self.dropout(X)
        X = self.nonlin(self.dense1(X))
        X = self.softmax(self.output(X))
        return X


net = NeuralNetClassifier(MyModule, max_epochs=40, lr=0.1, iterator_train__shuffle=True)
net.fit(X, y)
print(net.predict_proba(X[:5]))
