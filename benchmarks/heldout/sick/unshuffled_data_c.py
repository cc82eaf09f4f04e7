# expect: unshuffled-data
# note: the folder listing is sorted by class and the training loader does not shuffle
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

CLASSES = ["circle", "cross", "frame", "stripes", "triangle"]


def draw(name, rng, size=20):
    img = 0.15 * rng.random((size, size))
    cx, cy, r = rng.integers(7, 13), rng.integers(7, 13), rng.integers(4, 7)
    yy, xx = np.mgrid[:size, :size]
    if name == "circle":
        img[(yy - cy) ** 2 + (xx - cx) ** 2 <= r * r] += 0.8
    elif name == "cross":
        img[cy - 1 : cy + 1, cx - r : cx + r] += 0.8
        img[cy - r : cy + r, cx - 1 : cx + 1] += 0.8
    elif name == "frame":
        d = np.maximum(abs(yy - cy), abs(xx - cx))
        img[(d <= r) & (d >= r - 1)] += 0.8
    elif name == "stripes":
        img[cy - r : cy + r : 2, cx - r : cx + r] += 0.8
    else:
        img[(yy - cy + r >= 2 * abs(xx - cx)) & (yy < cy + r) & (yy > cy - r)] += 0.8
    return img.clip(0, 1).astype(np.float32)


class ShapeFolder(Dataset):
    def __init__(self, per_class, seed):
        rng = np.random.default_rng(seed)
        self.samples = []
        for label, name in enumerate(CLASSES):
            for _ in range(per_class):
                self.samples.append((draw(name, rng), label))

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, i):
        img, label = self.samples[i]
        return torch.from_numpy(img).unsqueeze(0) * 2 - 1, label


def build_model():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16 * 3 * 3, 32), nn.ReLU(), nn.Linear(32, len(CLASSES)),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    train_data = ShapeFolder(300, seed=args.seed)
    val_data = ShapeFolder(60, seed=args.seed + 100)
    train_loader = DataLoader(train_data, batch_size=32)  # fault
    val_loader = DataLoader(val_data, batch_size=60)

    model = build_model()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(8):
        model.train()
        train_loss = 0.0
        for images, labels in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            train_loss += loss.item()
        model.eval()
        with torch.no_grad():
            ok = sum((model(im).argmax(1) == lb).sum().item() for im, lb in val_loader)
        print(f"epoch {epoch}: train loss {train_loss / len(train_loader):.3f}, "
              f"val acc {ok / len(val_data):.3f}")


if __name__ == "__main__":
    main()
