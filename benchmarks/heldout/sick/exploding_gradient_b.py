# expect: badly-scaled-init
# accept: exploding-gradient, loss-diverges, unexpected-initial-loss, lr-too-high
# note: every weight of a six-layer net is drawn from N(0, 0.5); activations and gradients grow
#   threefold per layer, the first loss is in the hundreds and the gradients are enormous
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


def init_weights(m):
    if isinstance(m, nn.Conv2d | nn.Linear):
        nn.init.normal_(m.weight, std=0.5)  # fault
        nn.init.zeros_(m.bias)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 12, 3, padding=1)
        self.conv3 = nn.Conv2d(12, 16, 3, stride=2, padding=1)
        self.fc1 = nn.Linear(256, 64)
        self.fc2 = nn.Linear(64, 64)
        self.fc3 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.relu(self.conv3(x)).flatten(1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=8)
args = parser.parse_args()
np.random.seed(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(1)

digits = load_digits()
perm = np.random.RandomState(1).permutation(len(digits.target))
images = torch.from_numpy((digits.images[perm, None] - 4.9) / 6.0).float()
labels = torch.from_numpy(digits.target[perm])
x_train, y_train, x_val, y_val = images[:1440], labels[:1440], images[1440:], labels[1440:]

net = Net()
net.apply(init_weights)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
for epoch in range(args.epochs):
    net.train()
    losses = []
    for rows in np.array_split(np.random.permutation(len(y_train)), 36):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    net.eval()
    with torch.no_grad():
        acc = (net(x_val).argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch} first {losses[0]:.4g} mean {np.mean(losses):.4g} val acc {acc:.3f}")
