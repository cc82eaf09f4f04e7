"""A regression on small images with batch norm and functional activations; `--change` changes one thing."""

import argparse

import torch
import torch.nn.functional as F
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--change", default="")
args = parser.parse_args()
change = args.change


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.norm1 = nn.Identity() if change == "no norm" else nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(16)
        self.head = nn.Linear(16, 1)

    def forward(self, x):
        x = F.relu(self.norm1(self.conv1(x)))
        x = self.norm2(self.conv2(x))
        if change != "no activation":
            x = F.relu(x)
        return self.head(x.mean((2, 3))).squeeze(1)


torch.manual_seed(args.seed)
images = torch.rand(256, 1, 8, 8)
targets = images.mean((1, 2, 3)) * 10 + 0.1 * torch.randn(256)
net = Net()
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2, weight_decay=0.0 if change == "no decay" else 0.1)
for _ in range(40):
    chosen = torch.randint(256, (32,))
    optimizer.zero_grad()
    F.mse_loss(net(images[chosen]), targets[chosen]).backward()
    optimizer.step()
