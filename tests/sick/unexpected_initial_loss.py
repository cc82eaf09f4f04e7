# expect: unexpected-initial-loss
# accept: badly-scaled-init
# note: scores are multiplied by sqrt(d) instead of divided, the loss starts far above ln 10
# mend: * math.sqrt(self.dim) -> / math.sqrt(self.dim)
import argparse
import math

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class PrototypeNet(nn.Module):
    """Compares an image's embedding with one learned prototype per class."""

    def __init__(self, n_in=64, dim=64, n_classes=10):
        super().__init__()
        self.dim = dim
        self.encoder = nn.Sequential(
            nn.Linear(n_in, 96),
            nn.ReLU(),
            nn.Linear(96, dim),
            nn.LayerNorm(dim),
        )
        self.prototypes = nn.Parameter(torch.randn(n_classes, dim))

    def forward(self, x):
        z = self.encoder(x)
        return z @ self.prototypes.T * math.sqrt(self.dim)  # fault


def step(model, batch, optimizer):
    x, y = batch
    loss = F.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item() * len(y)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    loss = hits = n = 0
    for x, y in loader:
        logits = model(x)
        loss += F.cross_entropy(logits, y).item() * len(y)
        hits += (logits.argmax(-1) == y).sum().item()
        n += len(y)
    return loss / n, hits / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32)
    data = TensorDataset((x - x.mean()) / x.std(), torch.tensor(digits.target))
    train_set, val_set = random_split(data, [1400, 397])
    train_loader = DataLoader(train_set, batch_size=40, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=397)
    model = PrototypeNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(10):
        model.train()
        total = sum(step(model, batch, optimizer) for batch in train_loader)
        val_loss, acc = evaluate(model, val_loader)
        print(f"epoch {epoch}: train {total / 1400:.4f} val {val_loss:.4f} acc {acc:.4f}")


if __name__ == "__main__":
    main()
