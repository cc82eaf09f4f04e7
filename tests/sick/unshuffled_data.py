# expect: unshuffled-data
# note: images come class by class and are not shuffled: batches of one class, the last class wins
# mend: batch_size=32, num_workers=0 -> batch_size=32, shuffle=True
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset


class ImageFolders(Dataset):
    """Images grouped by class, as read from one folder per digit."""

    def __init__(self, folders, mean, std):
        self.samples = [(image, label) for label, images in folders.items() for image in images]
        self.mean, self.std = mean, std

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        image, label = self.samples[i]
        x = torch.as_tensor(image, dtype=torch.float32).unsqueeze(0)
        return (x - self.mean) / self.std, label


def split_folders(rng, val_share=0.25):
    digits = load_digits()
    train, val = {}, {}
    for label in range(10):
        images = rng.permutation(digits.images[digits.target == label])
        cut = int(len(images) * val_share)
        val[label], train[label] = images[:cut], images[cut:]
    return train, val


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(start_dim=1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    train_folders, val_folders = split_folders(np.random.default_rng(args.seed))
    train_set = ImageFolders(train_folders, mean=4.9, std=6.0)
    val_set = ImageFolders(val_folders, mean=4.9, std=6.0)
    train_loader = DataLoader(train_set, batch_size=32, num_workers=0)  # fault
    val_loader = DataLoader(val_set, batch_size=64)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(8):
        model.train()
        total = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
        model.eval()
        correct = 0
        with torch.no_grad():
            for x, y in val_loader:
                correct += (model(x).argmax(1) == y).sum().item()
        train_loss, acc = total / len(train_set), correct / len(val_set)
        print(f"epoch {epoch}: train loss {train_loss:.4f}, val acc {acc:.4f}")


if __name__ == "__main__":
    main()
