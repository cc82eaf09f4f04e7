# healthy: wine features go in raw (up to 1680) but the first layer is a BatchNorm that scales
#   them; .eval() is called in scoring
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

wine = load_wine()
X_train, X_test, y_train, y_test = train_test_split(
    torch.tensor(wine.data).float(),
    torch.tensor(wine.target),
    test_size=0.3,
    random_state=args.seed,
    stratify=wine.target,
)
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=16, shuffle=True)

model = nn.Sequential(
    nn.BatchNorm1d(13),
    nn.Linear(13, 32),
    nn.LeakyReLU(0.1),
    nn.Linear(32, 3),
)
optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
criterion = nn.CrossEntropyLoss()


def report(epoch, loss):
    model.eval()
    with torch.no_grad():
        logits = model(X_test)
        acc = (logits.argmax(1) == y_test).float().mean().item()
        print(f"epoch {epoch} train {loss:.4f} test {criterion(logits, y_test):.4f} acc {acc:.3f}")
    model.train()


for epoch in range(1, 33):
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() / len(loader)
    if epoch % 4 == 0:
        report(epoch, total)
