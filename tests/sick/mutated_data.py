# expect: mutated-data
# note: the stored images are normalised in place each time they are read, again at every epoch
# mend: image -= self.mean  # fault\n        image /= self.std -> image = (image - self.mean) / self.std
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset, Subset


class DigitsDataset(Dataset):
    def __init__(self, train_rows):
        digits = load_digits()
        self.images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1)
        self.labels = torch.tensor(digits.target)
        self.mean = self.images[train_rows].mean().item()
        self.std = self.images[train_rows].std().item()

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, idx):
        image = self.images[idx]
        image -= self.mean  # fault
        image /= self.std  # fault
        return image, self.labels[idx]


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.block1 = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.block2 = nn.Sequential(nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(24 * 4, 10)

    def forward(self, x):
        x = self.block2(self.block1(x))
        return self.fc(self.drop(torch.flatten(x, 1)))


def train(model, loader, optimizer):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
    return total / len(loader.dataset)


def validate(model, loader):
    model.eval()
    loss = correct = 0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            loss += nn.functional.cross_entropy(out, y, reduction="sum").item()
            correct += (out.argmax(1) == y).sum().item()
    return loss / len(loader.dataset), correct / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rows = torch.randperm(1797)
    dataset = DigitsDataset(rows[:1300])
    train_loader = DataLoader(Subset(dataset, rows[:1300].tolist()), batch_size=32, shuffle=True)
    val_loader = DataLoader(Subset(dataset, rows[1300:].tolist()), batch_size=100)
    model = ConvNet()
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(10):
        train_loss = train(model, train_loader, optimizer)
        val_loss, acc = validate(model, val_loader)
        print(f"epoch {epoch}: train {train_loss:.4f} val {val_loss:.4f} acc {acc:.4f}")


if __name__ == "__main__":
    main()
