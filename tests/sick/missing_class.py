# expect: missing-class
# accept: split-drift
# note: rows sorted by cultivar are cut in order: the third class is in the validation set only
# mend: n_train = int( -> order = torch.randperm(len(X))\nX, y = X[order], y[order]\nn_train = int(
import argparse

import torch
from sklearn.datasets import load_wine
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

wine = load_wine()
X = torch.tensor(wine.data, dtype=torch.float32)
y = torch.tensor(wine.target, dtype=torch.long)

n_train = int(0.7 * len(X))
X_train, X_val = X[:n_train], X[n_train:]  # fault
y_train, y_val = y[:n_train], y[n_train:]  # fault

mean = X_train.mean(dim=0)
std = X_train.std(dim=0)
X_train = (X_train - mean) / std
X_val = (X_val - mean) / std

model = nn.Sequential(
    nn.Linear(13, 16),
    nn.ReLU(),
    nn.Linear(16, 3),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

for epoch in range(15):
    permutation = torch.randperm(n_train)
    running_loss = 0.0
    for i in range(0, n_train, 16):
        indices = permutation[i : i + 16]
        optimizer.zero_grad()
        outputs = model(X_train[indices])
        loss = criterion(outputs, y_train[indices])
        loss.backward()
        optimizer.step()
        running_loss += loss.item() * len(indices)

    with torch.no_grad():
        val_out = model(X_val)
        val_loss = criterion(val_out, y_val).item()
        accuracy = (val_out.argmax(dim=1) == y_val).float().mean().item()
    print(
        f"Epoch {epoch + 1}/15, loss: {running_loss / n_train:.4f}, "
        f"val loss: {val_loss:.4f}, val accuracy: {accuracy:.3f}"
    )
