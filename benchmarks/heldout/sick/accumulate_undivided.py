# expect: unreduced-loss
# accept: lr-too-high, exploding-gradient
# note: sixteen micro-batches are accumulated but the loss is not divided by sixteen, so SGD steps
#   are sixteen times too long
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

ACCUM_STEPS = 16
MICRO_BATCH = 4
LR = 0.1


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3)
        self.conv2 = nn.Conv2d(8, 16, 3)
        self.fc = nn.Linear(256, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        return self.fc(x.flatten(1))


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    correct, n = 0, 0
    for x, y in loader:
        correct += (model(x).argmax(1) == y).sum().item()
        n += len(y)
    return correct / n


def train(model, train_loader, val_loader, epochs):
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        optimizer.zero_grad()
        for i, (x, y) in enumerate(train_loader):
            loss = F.cross_entropy(model(x), y)
            loss.backward()  # fault
            if (i + 1) % ACCUM_STEPS == 0:
                optimizer.step()
                optimizer.zero_grad()
            total += loss.item()
        acc = evaluate(model, val_loader)
        print(f"epoch {epoch + 1}: loss={total / len(train_loader):.4f} val_acc={acc:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16 - 0.5
    y = torch.tensor(d.target)
    perm = torch.randperm(len(x))
    tr, va = perm[:1408], perm[1408:]
    train_loader = DataLoader(TensorDataset(x[tr], y[tr]), batch_size=MICRO_BATCH, shuffle=True)
    val_loader = DataLoader(TensorDataset(x[va], y[va]), batch_size=200)
    train(ConvNet(), train_loader, val_loader, args.epochs)
