# expect: lr-too-high
# accept: skewed-weight-variance, growing-weights, dead-relu, huge-updates, loss-flat
# note: a slip in the parameter groups gives the middle layers a rate of 0.3, the others 0.001;
#   their weights grow to many times their first spread while the rest keep theirs
# mend: "lr": 0.3 -> "lr": base_lr
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.embed = nn.Linear(64, width)
        self.trunk = nn.Sequential(
            nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.trunk(self.embed(x)))


def make_optimizer(model, base_lr):
    groups = [
        {"params": model.embed.parameters(), "lr": base_lr},
        {"params": model.trunk.parameters(), "lr": 0.3},  # fault
        {"params": model.head.parameters(), "lr": base_lr},
    ]
    return torch.optim.Adam(groups)  # fault


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=14)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = load_digits(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(
        (x - x.mean()) / x.std(), y, test_size=0.2, stratify=y, random_state=18
    )
    x_train, x_val = torch.tensor(x_train).float(), torch.tensor(x_val).float()
    y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=48, shuffle=True)
    model = Net()
    criterion = nn.CrossEntropyLoss()
    optimizer = make_optimizer(model, base_lr=1e-3)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(yb)
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            val = criterion(logits, y_val).item()
            acc = (logits.argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch:2d} train {total / len(y_train):.4f} val {val:.4f} acc {acc:.4f}")


if __name__ == "__main__":
    main()
