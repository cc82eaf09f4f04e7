# expect: partial-evaluation
# note: the return of the evaluation is inside the loop over batches, so the accuracy is that of the
#       first 20 of 400 validation samples and jumps in steps of 5 %
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class RowGRU(nn.Module):
    """Reads the image row by row."""

    def __init__(self, hidden=48):
        super().__init__()
        self.gru = nn.GRU(8, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 10)

    def forward(self, x):
        _, h = self.gru(x)
        return self.fc(h.squeeze(0))


def accuracy(model, loader):
    model.eval()
    correct, total = 0, 0
    with torch.no_grad():
        for rows, target in loader:
            prediction = model(rows).argmax(dim=1)
            correct += (prediction == target).sum().item()
            total += target.size(0)
            return correct / total  # fault


def fit(model, train_loader, val_loader, epochs, lr):
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=lr)
    for epoch in range(1, epochs + 1):
        model.train()
        total, seen = 0.0, 0
        for rows, target in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(rows), target)
            loss.backward()
            optimizer.step()
            total += loss.item() * target.size(0)
            seen += target.size(0)
        acc = accuracy(model, val_loader)
        print(f"epoch {epoch:2d}: loss {total / seen:.4f}  validation accuracy {acc:.3f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    data = load_digits()
    x = torch.tensor(data.images, dtype=torch.float32).sub(4.88).div(6.02)
    y = torch.tensor(data.target)
    order = torch.randperm(len(x))
    x, y = x[order], y[order]
    train_loader = DataLoader(TensorDataset(x[400:], y[400:]), batch_size=64, shuffle=True)
    val_loader = DataLoader(TensorDataset(x[:400], y[:400]), batch_size=20)
    fit(RowGRU(), train_loader, val_loader, epochs=12, lr=2e-3)


if __name__ == "__main__":
    main()
