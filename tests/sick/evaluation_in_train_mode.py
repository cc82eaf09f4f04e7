# expect: evaluation-in-train-mode
# accept: evaluation-changes-state
# note: the validation runs under no_grad but the model is never put into eval mode, so dropout and
#       batch statistics are active and the reported accuracy is noisy and too low
# mend: total_loss, correct, total = 0.0, 0, 0 -> model.eval()\n    total_loss, correct, total = 0.0, 0, 0
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


class DigitNet(nn.Module):
    def __init__(self, p=0.4):
        super().__init__()
        self.fc1 = nn.Linear(64, 128)
        self.bn1 = nn.BatchNorm1d(128)
        self.fc2 = nn.Linear(128, 64)
        self.bn2 = nn.BatchNorm1d(64)
        self.fc3 = nn.Linear(64, 10)
        self.drop = nn.Dropout(p)

    def forward(self, x):
        x = self.drop(torch.relu(self.bn1(self.fc1(x))))
        x = self.drop(torch.relu(self.bn2(self.fc2(x))))
        return self.fc3(x)


def load(seed):
    X, y = load_digits(return_X_y=True)
    X = (X - 4.88) / 6.02
    a, b, c, d = train_test_split(X, y, test_size=0.2, random_state=seed, stratify=y)
    train = TensorDataset(torch.tensor(a, dtype=torch.float32), torch.tensor(c))
    valid = TensorDataset(torch.tensor(b, dtype=torch.float32), torch.tensor(d))
    return (
        DataLoader(train, batch_size=64, shuffle=True, drop_last=True),
        DataLoader(valid, batch_size=24, shuffle=False),
    )


def train_one_epoch(model, loader, criterion, optimizer):
    model.train()
    running_loss = 0.0
    for inputs, labels in loader:
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
    return running_loss / len(loader)


def validate(model, loader, criterion):
    total_loss, correct, total = 0.0, 0, 0
    with torch.no_grad():
        for inputs, labels in loader:
            outputs = model(inputs)  # fault
            total_loss += criterion(outputs, labels).item() * labels.size(0)
            correct += (outputs.argmax(1) == labels).sum().item()
            total += labels.size(0)
    return total_loss / total, correct / total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    train_loader, valid_loader = load(args.seed)
    model = DigitNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(12):
        train_loss = train_one_epoch(model, train_loader, criterion, optimizer)
        val_loss, val_acc = validate(model, valid_loader, criterion)
        print(f"Epoch {epoch + 1:2d} | {train_loss:.4f} | {val_loss:.4f} | {val_acc:.4f}")


if __name__ == "__main__":
    main()
