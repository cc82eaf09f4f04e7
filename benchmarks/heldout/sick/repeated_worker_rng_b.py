# expect: repeated-worker-rng
# note: each worker is given the same numpy seed at every epoch, so the augmentation never changes
import argparse
import random

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def seed_worker(worker_id):
    seed_everything(1234)  # fault


class AugmentedDigits(Dataset):
    def __init__(self, images, labels, augment):
        self.images = images.astype(np.float32)
        self.labels = labels.astype(np.int64)
        self.augment = augment

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image = (self.images[i] - 4.9) / 6.0
        if self.augment:
            shift = np.random.randint(-1, 2, size=2)
            image = np.roll(image, shift, axis=(0, 1))
            image = image * np.random.uniform(0.8, 1.2) + np.random.normal(0, 0.2, image.shape)
        return torch.from_numpy(image.astype(np.float32)).reshape(-1), self.labels[i]


def accuracy(model, loader):
    model.eval()
    hits = 0
    with torch.no_grad():
        for x, y in loader:
            hits += (model(x).argmax(dim=1) == y).sum().item()
    return hits / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    seed_everything(args.seed)

    digits = load_digits()
    order = np.random.permutation(len(digits.target))
    train, val = order[:1200], order[1200:]
    train_set = AugmentedDigits(digits.images[train], digits.target[train], augment=True)
    val_set = AugmentedDigits(digits.images[val], digits.target[val], augment=False)
    train_loader = DataLoader(  # fault
        train_set,
        batch_size=40,
        shuffle=True,
        num_workers=args.workers,
        worker_init_fn=seed_worker,  # fault
    )
    val_loader = DataLoader(val_set, batch_size=200)

    model = nn.Sequential(
        nn.Linear(64, 96), nn.GELU(), nn.Dropout(0.1), nn.Linear(96, 48), nn.GELU()
    ).append(nn.Linear(48, 10))
    optimizer = optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    for epoch in range(12):
        model.train()
        running = 0.0
        for x, y in train_loader:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item() * len(y)
        val_acc = accuracy(model, val_loader)
        print(f"epoch {epoch:2d} loss {running / len(train_set):.4f} val acc {val_acc:.4f}")


if __name__ == "__main__":
    main()
