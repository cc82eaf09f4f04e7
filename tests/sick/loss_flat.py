# expect: always-clipped
# accept: loss-flat, tiny-updates, lr-too-low
# note: the gradient is clipped to a norm of 1e-4 with SGD; every step is clipped, all are
#   tiny and the loss stays at ln 10
# mend: default=1e-4 -> default=1.0
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(12, 16, 3, stride=2, padding=1),
            nn.ReLU(inplace=True),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(256, 32), nn.ReLU())
        self.out = nn.Linear(32, 10)

    def forward(self, x):
        return self.out(self.classifier(self.features(x)))


def evaluate(model, loader, criterion):
    model.eval()
    loss, hits, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            logits = model(x)
            loss += criterion(logits, y).item() * len(y)
            hits += (logits.argmax(1) == y).sum().item()
            n += len(y)
    return loss / n, hits / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--max-norm", type=float, default=1e-4)  # fault
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    images = digits.images[:, None].astype("float32")
    x_train, x_val, y_train, y_val = train_test_split(
        images, digits.target, test_size=0.25, stratify=digits.target, random_state=3
    )
    mean, std = x_train.mean(), x_train.std()
    train = TensorDataset(torch.tensor((x_train - mean) / std), torch.tensor(y_train))
    val = TensorDataset(torch.tensor((x_val - mean) / std), torch.tensor(y_val))
    train_loader = DataLoader(train, batch_size=32, shuffle=True)
    val_loader = DataLoader(val, batch_size=150)

    model = Net()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), args.max_norm)  # fault
            optimizer.step()
            total += loss.item() * len(y)
        val_loss, val_acc = evaluate(model, val_loader, criterion)
        print(f"{epoch:2d} train {total / len(train):.4f} val {val_loss:.4f} acc {val_acc:.3f}")


if __name__ == "__main__":
    main()
