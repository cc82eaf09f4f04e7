# healthy: Monte-Carlo dropout regression; eval() first, then the Dropout modules are put back to
#   train on purpose and 20 passes averaged
import argparse

import torch
from torch import nn
from torch.nn import functional as F


def truth(x):
    return torch.sin(2 * x) + 0.3 * x


def enable_dropout(model):
    for m in model.modules():
        if isinstance(m, nn.Dropout):
            m.train()


@torch.no_grad()
def predict(model, x, passes=20):
    model.eval()
    enable_dropout(model)
    draws = torch.stack([model(x) for _ in range(passes)])
    return draws.mean(0), draws.std(0)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

x = torch.empty(600, 1).uniform_(-2, 2)
y = truth(x) + 0.1 * torch.randn_like(x)
xv = torch.linspace(-2, 2, 120).unsqueeze(1)
yv = truth(xv)

model = nn.Sequential(
    nn.Linear(1, 96),
    nn.Tanh(),
    nn.Dropout(0.05),
    nn.Linear(96, 96),
    nn.Tanh(),
    nn.Dropout(0.05),
    nn.Linear(96, 1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(25):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x)).split(40):
        loss = F.mse_loss(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    mean, std = predict(model, xv)
    rmse = (mean - yv).pow(2).mean().sqrt().item()
    print(f"epoch {epoch + 1:2d} mse {total / 15:.4f} rmse {rmse:.4f} spread {std.mean():.4f}")
