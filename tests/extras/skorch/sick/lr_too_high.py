# expect: lr-too-high
# accept: loss-flat, dead-relu, huge-updates, loss-diverges, exploding-gradient
# note: SGD with a learning rate of 5; the loss jumps in the first steps, then stays near ln 10
import numpy as np
import torch
from skorch import NeuralNetClassifier
from skorch.helper import predefined_split
from skorch.dataset import Dataset
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn, optim

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.2, random_state=2, stratify=y)
mean, std = x_train.mean(), x_train.std()
x_train, x_val = ((a - mean) / std for a in (x_train.astype(np.float32), x_val.astype(np.float32)))

net = NeuralNetClassifier(
    nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)),
    criterion=nn.CrossEntropyLoss,
    optimizer=optim.SGD,
    lr=5.0,
    batch_size=64,
    max_epochs=12,
    iterator_train__shuffle=True,
    train_split=predefined_split(Dataset(x_val.astype(np.float32), y_val)),
)
net.fit(x_train.astype(np.float32), y_train)  # fault
