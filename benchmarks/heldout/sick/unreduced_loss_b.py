# expect: unreduced-loss
# accept: lr-too-high
# note: gradients of 8 small batches are accumulated without dividing the loss by 8, so SGD takes
#       steps eight times as long as its learning rate was meant for and does not converge
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class DigitRows(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, hidden))
        self.act = nn.ReLU()
        self.dec = nn.Linear(hidden, 10)

    def forward(self, x):
        return self.dec(self.act(self.enc(x)))


def get_loaders(batch_size):
    digits = load_digits()
    x = torch.from_numpy(digits.data).float().div(16).sub(0.305).div(0.376)
    y = torch.from_numpy(digits.target)
    order = torch.randperm(len(x))
    tr, va = order[:1536], order[1536:]
    return (
        DataLoader(TensorDataset(x[tr], y[tr]), batch_size=batch_size, shuffle=True),
        DataLoader(TensorDataset(x[va], y[va]), batch_size=87),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--accumulate", type=int, default=8)
    parser.add_argument("--lr", type=float, default=0.3)
    parser.add_argument("--momentum", type=float, default=0.6)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    train_loader, val_loader = get_loaders(batch_size=8)
    net = DigitRows()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=args.momentum)
    for epoch in range(8):
        net.train()
        epoch_loss = 0.0
        optimizer.zero_grad()
        for i, (x, y) in enumerate(train_loader):
            loss = criterion(net(x), y)
            loss.backward()  # fault
            epoch_loss += loss.item()
            if (i + 1) % args.accumulate == 0:
                optimizer.step()
                optimizer.zero_grad()
        net.eval()
        correct, val_loss = 0, 0.0
        with torch.no_grad():
            for x, y in val_loader:
                out = net(x)
                val_loss += criterion(out, y).item() * len(y)
                correct += (out.argmax(1) == y).sum().item()
        n_val = len(val_loader.dataset)
        print(
            f"epoch {epoch}  train {epoch_loss / len(train_loader):.4f}  "
            f"val {val_loss / n_val:.4f}  acc {correct / n_val:.4f}"
        )


if __name__ == "__main__":
    main()
