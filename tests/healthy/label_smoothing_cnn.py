# healthy: label smoothing keeps the loss well above zero (about 0.5 for ten classes) even when
# nearly all predictions are right; accuracy on augmented training images is below that on clean
# test images
import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, Dataset


class DigitImages(Dataset):
    def __init__(self, images, labels, train):
        self.images = torch.tensor(images, dtype=torch.float32).unsqueeze(1)
        self.labels = torch.tensor(labels)
        self.train = train

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.images[index]
        if self.train:
            if torch.rand(()) < 0.5:
                shift = int(torch.randint(-1, 2, ()))
                image = torch.roll(image, shift, dims=-1)
            image = image + 0.15 * torch.randn_like(image)
        return image, self.labels[index]


def conv(cin, cout, stride=1):
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, stride=stride, padding=1, bias=False),
        nn.GroupNorm(4, cout),
        nn.ReLU(),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--label-smoothing", type=float, default=0.1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8)
    order = np.random.default_rng(args.seed).permutation(len(labels))
    train_idx, test_idx = order[:1440], order[1440:]
    mean, std = images[train_idx].mean(), images[train_idx].std()
    images = (images - mean) / std
    train_loader = DataLoader(
        DigitImages(images[train_idx], labels[train_idx], train=True), 48, shuffle=True
    )
    test_loader = DataLoader(DigitImages(images[test_idx], labels[test_idx], train=False), 119)

    model = nn.Sequential(
        conv(1, 16), conv(16, 32, stride=2), conv(32, 32),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 10),
    )
    criterion = nn.CrossEntropyLoss(label_smoothing=args.label_smoothing)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    scheduler = CosineAnnealingLR(optimizer, T_max=args.epochs)

    for epoch in range(args.epochs):
        model.train()
        seen, hits, loss_sum = 0, 0, 0.0
        for x, y in train_loader:
            logits = model(x)
            loss = criterion(logits, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += len(y)
            hits += (logits.argmax(1) == y).sum().item()
            loss_sum += loss.item() * len(y)
        scheduler.step()

        model.eval()
        test_hits = 0
        with torch.no_grad():
            for x, y in test_loader:
                test_hits += (model(x).argmax(1) == y).sum().item()
        print(f"epoch {epoch + 1}/{args.epochs} loss {loss_sum / seen:.4f} train acc "
              f"{hits / seen:.4f} test acc {test_hits / len(test_idx):.4f}")


if __name__ == "__main__":
    main()
