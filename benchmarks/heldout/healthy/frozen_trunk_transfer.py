# healthy: trunk pretrained on digits 0-6, then frozen and kept in eval mode while a new head learns digits 7-9
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
seed = parser.parse_args().seed
torch.manual_seed(seed)

d = load_digits()
x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 8 - 0.6
y = torch.tensor(d.target)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]
low, high = y < 7, y >= 7


class Trunk(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.proj = nn.Linear(16 * 16, 48)

    def forward(self, t):
        t = torch.relu(self.bn(self.conv(t)))
        t = nn.functional.avg_pool2d(t, 2).flatten(1)
        return torch.relu(self.proj(t))


def fit(trunk, head, optimizer, xs, ys, epochs, tune_trunk):
    n = int(0.8 * len(xs))
    for epoch in range(epochs):
        trunk.train(tune_trunk)
        head.train()
        total, k = 0.0, 0
        for idx in torch.randperm(n).split(32):
            loss = nn.functional.cross_entropy(head(trunk(xs[idx])), ys[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total, k = total + loss.item(), k + 1
        trunk.eval()
        head.eval()
        with torch.no_grad():
            acc = (head(trunk(xs[n:])).argmax(1) == ys[n:]).float().mean().item()
        print(f"  epoch {epoch + 1}: loss {total / k:.4f} val acc {acc:.3f}")


trunk, head = Trunk(), nn.Linear(48, 7)
print("pretraining")
optimizer = torch.optim.Adam([*trunk.parameters(), *head.parameters()], lr=2e-3)
fit(trunk, head, optimizer, x[low], y[low], 6, True)

print("new classes")
for p in trunk.parameters():
    p.requires_grad = False
new_head = nn.Sequential(nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(new_head.parameters(), lr=5e-3)
fit(trunk, new_head, optimizer, x[high], y[high] - 7, 10, False)
