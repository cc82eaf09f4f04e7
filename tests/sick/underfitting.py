# expect: insufficient-capacity
# accept: underfitting, below-baseline
# note: ten classes have to pass through a hidden layer of two units; training and validation loss
#   level off together, far above what a linear model reaches
# mend: hidden=2 -> hidden=32
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset


class Classifier(nn.Module):
    def __init__(self, n_features=64, hidden=2, n_classes=10):  # fault
        super().__init__()
        self.hidden = nn.Linear(n_features, hidden)  # fault
        self.output = nn.Linear(hidden, n_classes)

    def forward(self, x):
        return self.output(torch.tanh(self.hidden(x)))


def accuracy_and_loss(model, loader, criterion):
    model.eval()
    correct, loss, n = 0, 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            scores = model(x)
            loss += criterion(scores, y).item() * y.numel()
            correct += (scores.argmax(-1) == y).sum().item()
            n += y.numel()
    return correct / n, loss / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=25)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x, dtype=torch.float32)
    dataset = TensorDataset((x - x.mean()) / x.std(), torch.tensor(y))
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(8)).tolist()
    train_set, val_set = Subset(dataset, order[:1400]), Subset(dataset, order[1400:])
    train_loader = DataLoader(train_set, batch_size=56, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=397)

    model = Classifier()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(args.epochs):
        model.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        train_acc, train_loss = accuracy_and_loss(model, train_loader, criterion)
        val_acc, val_loss = accuracy_and_loss(model, val_loader, criterion)
        print(
            f"epoch {epoch:2d} | train loss {train_loss:.4f} acc {train_acc:.4f} | "
            f"val loss {val_loss:.4f} acc {val_acc:.4f}"
        )


if __name__ == "__main__":
    main()
