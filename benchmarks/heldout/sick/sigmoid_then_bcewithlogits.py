# expect: double-sigmoid
# note: Sigmoid ends the model and BCEWithLogitsLoss squashes again, so probabilities stay in 0.5
#   to 0.73 and the loss has a floor
import argparse

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn, optim

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
opt = ap.parse_args()
torch.manual_seed(opt.seed)

ds = load_breast_cancer()
xtr, xte, ytr, yte = train_test_split(
    ds.data, ds.target, test_size=0.25, stratify=ds.target, random_state=opt.seed
)
mu, sd = xtr.mean(0), xtr.std(0)
xtr = torch.FloatTensor((xtr - mu) / sd)
xte = torch.FloatTensor((xte - mu) / sd)
ytr = torch.FloatTensor(ytr).unsqueeze(1)
yte = torch.FloatTensor(yte).unsqueeze(1)

model = nn.Sequential(
    nn.Linear(30, 24),
    nn.ReLU(),
    nn.Dropout(0.2),
    nn.Linear(24, 12),
    nn.ReLU(),
    nn.Linear(12, 1),
    nn.Sigmoid(),  # fault
)
loss_fn = nn.BCEWithLogitsLoss()
optimizer = optim.SGD(model.parameters(), lr=0.02, momentum=0.9)

batch = 32
for epoch in range(21):
    model.train()
    perm = torch.randperm(len(xtr))
    epoch_loss = 0
    for i in range(0, len(xtr), batch):
        idx = perm[i : i + batch]
        y_pred = model(xtr[idx])
        loss = loss_fn(y_pred, ytr[idx])  # fault
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(idx)
    model.eval()
    with torch.no_grad():
        out = model(xte)
        val_loss = loss_fn(out, yte).item()
        acc = ((out > 0.5).float() == yte).float().mean().item()
    if epoch % 3 == 2:
        print(f"{epoch + 1:3d} | {epoch_loss / len(xtr):.4f} | {val_loss:.4f} | {acc:.4f}")
