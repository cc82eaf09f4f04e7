# expect: unshuffled-data
# note: samples are read class by class and the loader keeps that order; the net forgets all
#   but the last class
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset


class FolderStyleDigits(Dataset):
    """One list of images per class, appended like sub-folders."""

    def __init__(self, part):
        bunch = load_digits()
        self.items = []
        for label in range(10):
            images = bunch.images[bunch.target == label]
            cut = int(0.8 * len(images))
            images = images[:cut] if part == "train" else images[cut:]
            for img in images:
                arr = (img / 16.0 - 0.3).astype(np.float32)
                self.items.append((torch.from_numpy(arr).flatten(), label))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def get_loaders(batch_size):
    train_set, val_set = FolderStyleDigits("train"), FolderStyleDigits("val")
    kwargs = {"batch_size": batch_size, "num_workers": 0}
    train_loader = DataLoader(train_set, drop_last=True, **kwargs)  # fault
    return train_loader, DataLoader(val_set, **kwargs)


def main(seed):
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    train_loader, val_loader = get_loaders(32)
    model = nn.Sequential(
        nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU(), nn.Linear(48, 10)
    )
    opt = optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    ce = nn.CrossEntropyLoss()
    for epoch in range(10):
        model.train()
        run = 0.0
        for images, labels in train_loader:
            opt.zero_grad(set_to_none=True)
            loss = ce(model(images), labels)
            loss.backward()
            opt.step()
            run += loss.item()
        model.eval()
        good = n = 0
        with torch.no_grad():
            for images, labels in val_loader:
                good += (model(images).argmax(1) == labels).sum().item()
                n += len(labels)
        print(f"[{epoch}] train loss {run / len(train_loader):.3f}  val acc {good / n:.3f}")


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    main(ap.parse_args().seed)
