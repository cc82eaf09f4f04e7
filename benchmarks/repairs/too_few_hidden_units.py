# source: too few neurons in a layer, one of the faults that mutation tools for Keras programs put in
# mend: HIDDEN = 1 -> HIDDEN = 16
import numpy as np
import torch
from sklearn.datasets import make_circles
from torch import nn

HIDDEN = 1

np.random.seed(0)
torch.manual_seed(0)
torch.set_num_threads(1)
points, ring = make_circles(1200, noise=0.08, factor=0.5, random_state=0)
points = torch.from_numpy(points).float() * 2
ring = torch.from_numpy(ring)
train_x, train_y, val_x, val_y = points[:900], ring[:900], points[900:], ring[900:]

net = nn.Sequential(nn.Linear(2, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 2))
opt = torch.optim.Adam(net.parameters(), lr=0.02)
ce = nn.CrossEntropyLoss()
for epoch in range(30):
    net.train()
    order = np.random.permutation(len(train_x))
    for i in range(0, len(order), 30):
        part = order[i : i + 30]
        loss = ce(net(train_x[part]), train_y[part])
        opt.zero_grad()
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        guess = net(val_x)
    print(f"epoch {epoch} val loss {ce(guess, val_y):.4f} acc {(guess.argmax(1) == val_y).float().mean():.3f}")
