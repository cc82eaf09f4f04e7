# healthy: gradient accumulation with SGD where the last group of an epoch is shorter; each micro
# batch is weighed by its true share, so a step always equals one large batch
import argparse

import torch
from sklearn.datasets import make_moons
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--micro", type=int, default=10)
parser.add_argument("--effective", type=int, default=50)
parser.add_argument("--epochs", type=int, default=25)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

points, side = make_moons(1320, noise=0.2, random_state=args.seed)
points = torch.tensor(points, dtype=torch.float32)
points = (points - points[:1020].mean(0)) / points[:1020].std(0)
side = torch.tensor(side, dtype=torch.float32)
train = TensorDataset(points[:1020], side[:1020])
x_val, y_val = points[1020:], side[1020:]

net = nn.Sequential(
    nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1), nn.Flatten(0)
)
criterion = nn.BCEWithLogitsLoss(reduction="sum")
optimizer = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9)


def groups(loader):
    """Lists of micro batches that together hold at most `effective` samples."""
    group, size = [], 0
    for batch in loader:
        group.append(batch)
        size += len(batch[0])
        if size >= args.effective:
            yield group, size
            group, size = [], 0
    if group:
        yield group, size


for epoch in range(args.epochs):
    epoch_loss = 0.0
    for group, size in groups(DataLoader(train, batch_size=args.micro, shuffle=True)):
        optimizer.zero_grad()
        for xb, yb in group:
            loss = criterion(net(xb), yb) / size
            loss.backward()
            epoch_loss += loss.item() * size
        optimizer.step()
    if epoch % 4 == 0:
        with torch.no_grad():
            logits = net(x_val)
        val_loss = criterion(logits, y_val).item() / len(y_val)
        accuracy = ((logits > 0).float() == y_val).float().mean().item()
        print(f"epoch {epoch:2d}: train {epoch_loss / len(train):.4f} val {val_loss:.4f} "
              f"accuracy {accuracy:.4f}")
