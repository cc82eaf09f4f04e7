# expect: detached-parameters
# accept: detached-loss, parameters-not-in-optimizer, zero-gradient
# note: the convolution features are passed on through .data, so the loss never reaches the trunk
#   and only the head learns
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 8, 3, stride=2, padding=1)
        self.c2 = nn.Conv2d(8, 12, 3, stride=2, padding=1)

    def forward(self, x):
        x = torch.tanh(self.c1(x))
        return torch.tanh(self.c2(x))


class ParityNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = Trunk()
        self.hidden = nn.Linear(48, 12)
        self.head = nn.Linear(12, 1)

    def forward(self, x):
        features = self.trunk(x).data  # fault
        z = features.flatten(1)
        return self.head(torch.tanh(self.hidden(z))).squeeze(1)


args = argparse.ArgumentParser()
args.add_argument("--seed", type=int, default=0)
args = args.parse_args()
torch.manual_seed(args.seed)

d = load_digits()
imgs = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 8.0 - 1.0
odd = torch.tensor(d.target % 2, dtype=torch.float32)
x_tr, x_va, y_tr, y_va = train_test_split(imgs, odd, test_size=0.25, random_state=args.seed)

net = ParityNet()
opt = torch.optim.Adam(net.parameters(), lr=0.004)
bce = nn.BCEWithLogitsLoss()
for epoch in range(15):
    net.train()
    tot = 0.0
    for b in torch.randperm(len(x_tr)).split(64):
        loss = bce(net(x_tr[b]), y_tr[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item() * len(b)
    net.eval()
    with torch.no_grad():
        logit = net(x_va)
        acc = ((logit > 0) == (y_va > 0.5)).float().mean().item()
        vl = bce(logit, y_va).item()
    print(f"{epoch + 1:>3} train {tot / len(x_tr):.4f} val {vl:.4f} acc {acc:.4f}")
