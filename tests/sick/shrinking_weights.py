# expect: shrinking-weights
# accept: oversized-regularisation, regularisation-dominates, collapsed-prediction, loss-flat
# note: AdamW with a weight decay of 60 takes a quarter of every weight per step; the weights die
#   away in the first epoch and the loss stays near ln 10
# mend: default=60.0 -> default=0.01
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class PatchNet(nn.Module):
    """Cuts the image into 2 x 2 patches, mixes them and classifies."""

    def __init__(self, width=16):
        super().__init__()
        self.patches = nn.Conv2d(1, width, 2, stride=2)
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear(16, 16)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.head = nn.Linear(16 * width, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = x + self.mix(self.norm(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.down(nn.functional.gelu(self.up(self.norm(x))))
        return self.head(x.flatten(1))


def run(model, loader, criterion, optimizer=None):
    model.train(optimizer is not None)
    total, hits = 0.0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for x, y in loader:
            logits = model(x)
            loss = criterion(logits, y)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(y)
            hits += (logits.argmax(1) == y).sum().item()
    n = len(loader.dataset)
    return total / n, hits / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--weight-decay", type=float, default=60.0)  # fault
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32)[:, None]
    images = (images - images.mean()) / images.std()
    x_train, x_val, y_train, y_val = train_test_split(
        images, torch.tensor(digits.target), test_size=0.2, stratify=digits.target, random_state=16
    )
    train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=48, shuffle=True)
    val_loader = DataLoader(TensorDataset(x_val, y_val), batch_size=360)
    model = PatchNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(  # fault
        model.parameters(), lr=4e-3, weight_decay=args.weight_decay
    )
    for epoch in range(args.epochs):
        train_loss, train_acc = run(model, train_loader, criterion, optimizer)
        val_loss, val_acc = run(model, val_loader, criterion)
        print(f"{epoch:2d} {train_loss:.4f} {train_acc:.3f} | {val_loss:.4f} {val_acc:.3f}")


if __name__ == "__main__":
    main()
