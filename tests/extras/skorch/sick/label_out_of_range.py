# expect: label-out-of-range
# note: the labels are 1, 2, 3 as in the table, the net has outputs 0 to 2: the first batch with a 3 raises
import numpy as np
import torch
from skorch import NeuralNetClassifier
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn

torch.manual_seed(0)
wine = load_wine()
table = np.column_stack([wine.target + 1, wine.data])  # cultivar (1, 2 or 3) and thirteen measurements
X = StandardScaler().fit_transform(table[:, 1:]).astype(np.float32)
y = table[:, 0].astype(np.int64)

net = NeuralNetClassifier(
    nn.Sequential(nn.Linear(13, 20), nn.LeakyReLU(), nn.Linear(20, 3)),
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.AdamW,
    lr=1e-2,
    max_epochs=12,
    batch_size=16,
    iterator_train__shuffle=True,
)
net.fit(X, y)  # fault
