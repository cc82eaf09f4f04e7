# expect: unscaled-input
# accept: uncentred-input
# note: raw columns between 0.1 and 1700 enter the net: the first steps throw it off, it stays there
import numpy as np
import torch
from skorch import NeuralNetClassifier
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn


class Classifier(nn.Module):
    def __init__(self, n_in=13, n_hidden=32, n_classes=3):
        super().__init__()
        self.hidden = nn.Linear(n_in, n_hidden)
        self.hidden2 = nn.Linear(n_hidden, n_hidden)
        self.output = nn.Linear(n_hidden, n_classes)

    def forward(self, x):
        x = nn.functional.relu(self.hidden(x))
        x = nn.functional.relu(self.hidden2(x))
        return self.output(x)


torch.manual_seed(0)
X, y = load_wine(return_X_y=True)
X = X.astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, stratify=y, random_state=0)  # fault

net = NeuralNetClassifier(Classifier, criterion=nn.CrossEntropyLoss, max_epochs=30, lr=0.05, batch_size=16)
net.set_params(iterator_train__shuffle=True)
net.fit(X_train, y_train)
print("test accuracy", net.score(X_test, y_test))
