# expect: badly-scaled-init
# accept: vanishing-gradient
# note: weights drawn with std 0.01 through ten layers: signal and gradient shrink to nothing
# mend: nn.init.normal_(layer.weight, mean=0.0, std=0.01) -> nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class DeepNet(nn.Module):
    def __init__(self, n_in=64, width=64, depth=9, n_out=10):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(n_in, width)])
        for _ in range(depth - 1):
            self.layers.append(nn.Linear(width, width))
        self.head = nn.Linear(width, n_out)
        self.reset_parameters()

    def reset_parameters(self):
        for layer in [*self.layers, self.head]:
            nn.init.normal_(layer.weight, mean=0.0, std=0.01)  # fault
            nn.init.zeros_(layer.bias)

    def forward(self, x):
        for layer in self.layers:
            x = F.relu(layer(x))
        return self.head(x)


def accuracy_and_loss(model, loader):
    model.eval()
    loss, hits, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            loss += F.cross_entropy(out, y, reduction="sum").item()
            hits += (out.argmax(1) == y).sum().item()
            n += len(y)
    return hits / n, loss / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32)
    x = (x - x.mean()) / x.std()
    data = TensorDataset(x, torch.tensor(digits.target))
    train_set, val_set = random_split(data, [0.75, 0.25])
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=150)
    model = DeepNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for xb, yb in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(yb)
        acc, val_loss = accuracy_and_loss(model, val_loader)
        print(f"epoch {epoch}: {total / len(train_set):.4f} val {val_loss:.4f} acc {acc:.4f}")


if __name__ == "__main__":
    main()
