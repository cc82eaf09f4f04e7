# expect: random-labels
# location: none
# note: images and labels are shuffled independently, a label no longer belongs to its image
# mend: result = [] -> result, order = [], rng.permutation(len(arrays[0]))
# mend: array[rng.permutation(len(array))] -> array[order]
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def shuffled(arrays, rng):
    result = []
    for array in arrays:
        result.append(array[rng.permutation(len(array))])
    return result


class VGGish(nn.Sequential):
    def __init__(self, n_classes=10):
        super().__init__(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(128, n_classes),
        )


def evaluate(model, loader):
    model.eval()
    loss = hits = n = 0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            loss += nn.functional.cross_entropy(out, y, reduction="sum").item()
            hits += (out.argmax(1) == y).sum().item()
            n += len(y)
    return loss / n, hits / n


def main(seed):
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    digits = load_digits()
    images = (digits.images[:, None] - digits.images.mean()) / digits.images.std()
    rng = np.random.RandomState(seed)
    images, labels = shuffled([images.astype(np.float32), digits.target], rng)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    train_loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=35, shuffle=True)
    val_loader = DataLoader(TensorDataset(x[1400:], y[1400:]), batch_size=397)

    model = VGGish()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(10):
        model.train()
        running = 0.0
        for images, labels in train_loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(labels)
        val_loss, val_acc = evaluate(model, val_loader)
        print(f"epoch {epoch}: {running / 1400:.4f}, val {val_loss:.4f}, acc {val_acc:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
