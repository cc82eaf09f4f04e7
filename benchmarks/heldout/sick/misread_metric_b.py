# expect: misread-metric
# accept: broadcast-loss
# note: (N,) predictions are compared with (N,1) targets, so N x N pairs are counted: about 0.55
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from torch import nn

parser = argparse.ArgumentParser(description="tumour classifier")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

raw = load_breast_cancer()
order = np.random.RandomState(7).permutation(len(raw.data))
features = raw.data[order].astype(np.float32)
labels = raw.target[order].astype(np.float32)
n_val = 120
mean, std = features[n_val:].mean(0), features[n_val:].std(0)
features = (features - mean) / std
xv, yv = torch.from_numpy(features[:n_val]), torch.from_numpy(labels[:n_val]).unsqueeze(1)
xt, yt = torch.from_numpy(features[n_val:]), torch.from_numpy(labels[n_val:]).unsqueeze(1)

model = nn.Sequential(nn.Linear(30, 24), nn.GELU(), nn.Dropout(0.2), nn.Linear(24, 1))
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
batch = 32


def accuracy(logits, target):
    pred = (torch.sigmoid(logits) > 0.5).float().squeeze(1)
    return (pred == target).float().mean().item()  # fault


for epoch in range(20):
    model.train()
    perm = torch.randperm(len(xt))
    losses = []
    for i in range(0, len(xt), batch):
        idx = perm[i : i + batch]
        opt.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(xt[idx]), yt[idx])
        loss.backward()
        opt.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        out = model(xv)
        val_loss = F.binary_cross_entropy_with_logits(out, yv).item()
    print(f"{epoch:02d} loss={np.mean(losses):.3f} val={val_loss:.3f} acc={accuracy(out, yv):.3f}")
