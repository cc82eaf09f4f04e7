# expect: mismatched-normalisation
# note: the validation set lacks the transform: it stays in 0..16 while training is centred
# mend: Digits(images[val_idx], targets[val_idx]) -> Digits(images[val_idx], targets[val_idx], transform=transform)
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Normalize:
    def __init__(self, mean, std):
        self.mean, self.std = mean, std

    def __call__(self, image):
        return (image - self.mean) / self.std


class Digits(Dataset):
    def __init__(self, images, targets, transform=None):
        self.images = images
        self.targets = targets
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = torch.tensor(self.images[index], dtype=torch.float32)[None]
        if self.transform is not None:
            image = self.transform(image)
        return image, int(self.targets[index])


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc1 = nn.Linear(16 * 2 * 2, 40)
        self.fc2 = nn.Linear(40, 10)

    def forward(self, x):
        x = F.avg_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2)
        x = torch.tanh(self.fc1(x.flatten(1)))
        return self.fc2(x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    images, targets = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8)
    perm = torch.randperm(len(images)).numpy()
    train_idx, val_idx = perm[:1300], perm[1300:]
    transform = Normalize(images[train_idx].mean(), images[train_idx].std())
    train_set = Digits(images[train_idx], targets[train_idx], transform=transform)
    val_set = Digits(images[val_idx], targets[val_idx])  # fault
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=64)

    model = LeNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(8):
        model.train()
        train_loss = 0.0
        for x, t in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), t)
            loss.backward()
            optimizer.step()
            train_loss += loss.item() * len(t) / len(train_set)
        model.eval()
        val_loss, hits = 0.0, 0
        with torch.no_grad():
            for x, t in val_loader:
                out = model(x)
                val_loss += F.cross_entropy(out, t, reduction="sum").item() / len(val_set)
                hits += (out.argmax(1) == t).sum().item()
        acc = hits / len(val_set)
        print(f"epoch {epoch}: train {train_loss:.4f} val {val_loss:.4f} val acc {acc:.3f}")


if __name__ == "__main__":
    main()
