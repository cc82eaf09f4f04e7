# expect: double-softmax
# note: the network ends in softmax and CrossEntropyLoss applies it again; the loss cannot fall
#   below about 1.46 and SGD crawls
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split


class LeNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(24 * 2 * 2, 64)
        self.fc2 = nn.Linear(64, num_classes)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        return F.softmax(self.fc2(x), dim=1)  # fault


def train(model, loader, optimizer, criterion):
    model.train()
    total = 0.0
    for data, target in loader:
        optimizer.zero_grad()
        loss = criterion(model(data), target)  # fault
        loss.backward()
        optimizer.step()
        total += loss.item() * len(target)
    return total / len(loader.dataset)


def test(model, loader, criterion):
    model.eval()
    loss, hits = 0.0, 0
    with torch.no_grad():
        for data, target in loader:
            output = model(data)
            loss += criterion(output, target).item() * len(target)
            hits += output.argmax(dim=1).eq(target).sum().item()
    n = len(loader.dataset)
    return loss / n, hits / n


def main():
    parser = argparse.ArgumentParser(description="digits")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16 - 0.3
    data = TensorDataset(images, torch.tensor(digits.target))
    train_set, test_set = random_split(data, [1500, 297])
    train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=297)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(1, 9):
        train_loss = train(model, train_loader, optimizer, criterion)
        test_loss, acc = test(model, test_loader, criterion)
        print(f"Epoch {epoch}: train {train_loss:.4f}, test {test_loss:.4f}, accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
