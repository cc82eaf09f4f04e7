# expect: split-overlap
# accept: duplicate-samples
# note: the rare classes are oversampled first and split afterwards, so copies sit in both train
#   and validation
import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split
from sklearn.utils import resample
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)


def patients(n):
    """Blood panel of 20 values; three outcomes, two of them less common."""
    y = rng.choice(3, n, p=[0.6, 0.25, 0.15])
    centres = np.zeros((3, 20))
    centres[1, :5] = 0.7
    centres[2, 3:9] = -0.7
    x = rng.standard_normal((n, 20)) + centres[y]
    return x.astype(np.float32), y


def balance(x, y):
    biggest = max(np.bincount(y))
    parts_x, parts_y = [], []
    for c in np.unique(y):
        xc = x[y == c]
        if len(xc) < biggest:
            xc = np.concatenate(
                [xc, resample(xc, n_samples=biggest - len(xc), random_state=args.seed)]
            )
        parts_x.append(xc)
        parts_y.append(np.full(len(xc), c))
    return np.concatenate(parts_x), np.concatenate(parts_y)


x, y = patients(2500)
x, y = balance(x, y)  # fault
x_train, x_val, y_train, y_val = train_test_split(  # fault
    x, y, test_size=0.2, stratify=y, random_state=args.seed
)

train_loader = DataLoader(
    TensorDataset(torch.from_numpy(x_train), torch.from_numpy(y_train)), batch_size=32, shuffle=True
)
x_val, y_val = torch.from_numpy(x_val), torch.from_numpy(y_val)

model = nn.Sequential(
    nn.Linear(20, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 3)
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(7):
    model.train()
    total = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val_loss = criterion(out, y_val).item()
        recall = [(out.argmax(1)[y_val == c] == c).float().mean().item() for c in range(3)]
    print(f"epoch {epoch}: loss {total / len(train_loader):.3f} val loss {val_loss:.3f} "
          f"recall per class {recall[0]:.2f} {recall[1]:.2f} {recall[2]:.2f}")
