"""A classifier of random points; `--change` changes one thing."""

import argparse
import itertools

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--steps", type=int, default=40)
parser.add_argument("--change", default="")
args = parser.parse_args()
change = args.change


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(20, 64)
        self.first_act = nn.ReLU()
        self.second = nn.Linear(64, 64)
        self.second_act = nn.ReLU()
        self.third = nn.Linear(64, 64)
        self.third_act = nn.ReLU()
        self.head = nn.Linear(64, 5)
        if change == "dropout":
            self.dropout = nn.Dropout(0.6)

    def forward(self, x):
        x = self.second(self.first_act(self.first(x)))
        if change != "no activation":
            x = self.second_act(x)
        x = self.third_act(self.third(x))
        return self.head(self.dropout(x) if change == "dropout" else x)


class Port(nn.Module):
    """The same net as somebody else writes it."""

    def __init__(self):
        super().__init__()
        sizes = [20, 64, 64, 64]
        self.blocks = nn.ModuleList([nn.Linear(a, b) for a, b in itertools.pairwise(sizes)])
        self.classifier = nn.Linear(64, 5)

    def forward(self, x):
        for block in self.blocks:
            x = F.relu(block(x))
        return self.classifier(x)


fixed = torch.Generator().manual_seed(5)
points = torch.randn(512, 20, generator=fixed)
classes = (points @ torch.randn(20, 5, generator=fixed)).argmax(1)
points = points * (10 if change == "unscaled input" else 1)

torch.manual_seed(args.seed)
net = Port() if change == "port" else Net()
if change == "port with another init":
    net = Port()
    nn.init.normal_(net.blocks[1].weight, std=0.7)
if change == "init":
    nn.init.normal_(net.second.weight, std=0.7)
if change == "frozen":
    net.third.requires_grad_(False)
if change == "adam":
    optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)
else:
    optimizer = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=0.9)
loader = DataLoader(TensorDataset(points, classes), batch_size=32, shuffle=change != "unshuffled")

step = 0
while step < args.steps:
    for inputs, targets in loader:
        if change == "late" and step == 13:
            with torch.no_grad():
                net.third.weight.mul_(3)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(inputs), targets, reduction="sum" if change == "summed" else "mean")
        loss.backward()
        optimizer.step()
        step += 1
        if step == args.steps:
            break
