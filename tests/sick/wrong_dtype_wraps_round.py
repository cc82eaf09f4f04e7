# expect: wrong-dtype
# note: the mean image is subtracted in uint8, every negative difference wraps round to about 250
# mend by hand: images - background -> images.astype(np.int16) - background
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F


def load_images():
    digits = load_digits()
    images = (digits.images * 15).astype(np.uint8)
    return images, digits.target.astype(np.int64)


def preprocess(images, background):
    """Remove the average image and bring the result to about unit scale."""
    foreground = images - background  # fault
    return torch.from_numpy(foreground.astype(np.float32) / 90.0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(12, 24, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AvgPool2d(2),
        )
        self.classifier = nn.Linear(24 * 2 * 2, 10)

    def forward(self, x):
        return self.classifier(self.features(x.unsqueeze(1)).flatten(1))


def main(seed, epochs=10, batch_size=50):
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    images, labels = load_images()
    perm = rng.permutation(len(images))
    train, val = perm[:1350], perm[1350:]
    background = images[train].mean(axis=0).astype(np.uint8)
    x = preprocess(images, background)
    y = torch.from_numpy(labels)

    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    for epoch in range(epochs):
        net.train()
        rng.shuffle(train)
        total = 0.0
        for start in range(0, len(train), batch_size):
            idx = torch.from_numpy(train[start : start + batch_size])
            loss = F.cross_entropy(net(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        net.eval()
        with torch.no_grad():
            logits = net(x[val])
            val_loss = F.cross_entropy(logits, y[val]).item()
            accuracy = (logits.argmax(1) == y[val]).float().mean().item()
        print(f"epoch {epoch} loss {total / len(train):.4f} val {val_loss:.4f} acc {accuracy:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
