# expect: duplicate-samples
# note: rows are drawn with replacement, so over a third of the training rows are repeats
import argparse

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
seed = ap.parse_args().seed
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

features, progression = load_diabetes(return_X_y=True, scaled=False)
n = len(features)
train = rng.choice(n, 330)  # fault
val = np.setdiff1d(np.arange(n), train)

mu, sd = features[train].mean(0), features[train].std(0)
X = torch.from_numpy((features - mu) / sd).float()
t_mu, t_sd = progression[train].mean(), progression[train].std()
T = torch.from_numpy((progression - t_mu) / t_sd).float().unsqueeze(1)

net = nn.Sequential(nn.Linear(10, 24), nn.Tanh(), nn.Linear(24, 1))
opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.1)
loss_fn = nn.MSELoss()

for epoch in range(20):
    net.train()
    running = 0.0
    shuffled = rng.permutation(train)
    for i in range(0, len(shuffled), 30):
        rows = shuffled[i : i + 30]
        loss = loss_fn(net(X[rows]), T[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item() * len(rows)

    net.eval()
    with torch.no_grad():
        pred = net(X[val])
        mse = loss_fn(pred, T[val]).item()
        r2 = 1 - mse / T[val].var(unbiased=False).item()
    print(f"{epoch:2d}  train mse {running / len(train):.4f}  val mse {mse:.4f}  R2 {r2:.3f}")
