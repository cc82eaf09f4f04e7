# expect: misread-metric
# note: the accuracy takes argmax over the batch axis instead of the class axis; the net learns
#   well but the metric says it does not
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

data = load_digits(n_class=8)
X = torch.tensor(data.data / 16, dtype=torch.float32)
y = torch.tensor(data.target)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, random_state=args.seed)

BATCH = 8
model = nn.Sequential(nn.Linear(64, 64), nn.GELU(), nn.LayerNorm(64), nn.Linear(64, 8))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()


def batches(x, t, shuffle):
    order = torch.randperm(len(x)) if shuffle else torch.arange(len(x))
    for i in range(0, len(x) - BATCH + 1, BATCH):
        yield x[order[i : i + BATCH]], t[order[i : i + BATCH]]


def n_correct(output, target):
    predicted = output.argmax(0)  # fault
    return (predicted == target).sum().item()


for epoch in range(4):
    model.train()
    loss_sum = steps = 0
    for xb, yb in batches(X_train, y_train, True):
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        loss_sum += loss.item()
        steps += 1

    model.eval()
    correct = seen = 0
    with torch.no_grad():
        for xb, yb in batches(X_val, y_val, False):
            output = model(xb)
            correct += n_correct(output, yb)
            seen += len(yb)
    print(f"epoch {epoch + 1} loss {loss_sum / steps:.4f} val accuracy {correct / seen:.3f}")
