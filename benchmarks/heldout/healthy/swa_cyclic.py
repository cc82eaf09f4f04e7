# healthy: stochastic weight averaging with a constant high rate at the end; the averaged copy is
# in no optimizer, its batch-norm statistics are recomputed by an extra pass over the training
# data
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import make_gaussian_quantiles
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset


def make_net():
    return nn.Sequential(
        nn.Linear(6, 48, bias=False), nn.BatchNorm1d(48), nn.GELU(),
        nn.Linear(48, 48, bias=False), nn.BatchNorm1d(48), nn.GELU(),
        nn.Linear(48, 3),
    )


@torch.no_grad()
def check(model, loader, criterion):
    model.eval()
    loss, correct, n = 0.0, 0, 0
    for xb, yb in loader:
        out = model(xb)
        loss += criterion(out, yb).item() * len(yb)
        correct += (out.argmax(1) == yb).sum().item()
        n += len(yb)
    return loss / n, correct / n


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=15)
parser.add_argument("--swa-start", type=int, default=10)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

X, y = make_gaussian_quantiles(n_samples=3000, n_features=6, n_classes=3, random_state=args.seed)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
train_loader = DataLoader(TensorDataset(X[:2400], y[:2400]), 120, shuffle=True)
test_loader = DataLoader(TensorDataset(X[2400:], y[2400:]), 300)

net = make_net()
swa_net = AveragedModel(net)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.swa_start)
swa_scheduler = SWALR(optimizer, swa_lr=0.02, anneal_epochs=2)

for epoch in range(args.epochs):
    net.train()
    running = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(yb)
    if epoch >= args.swa_start:
        swa_net.update_parameters(net)
        swa_scheduler.step()
    else:
        scheduler.step()
    test_loss, test_acc = check(net, test_loader, criterion)
    print(f"epoch {epoch:2d} lr {optimizer.param_groups[0]['lr']:.4f} train {running / 2400:.4f} "
          f"test {test_loss:.4f} acc {test_acc:.4f}")

update_bn(train_loader, swa_net)
swa_loss, swa_acc = check(swa_net, test_loader, criterion)
print(f"averaged weights: test {swa_loss:.4f} acc {swa_acc:.4f}")
