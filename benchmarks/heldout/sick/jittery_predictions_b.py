# expect: unshuffled-data
# accept: jittery-predictions, loss-spikes
# note: the file is sorted by class and read in order; the net says whatever class it saw last, so the
#   prediction of a fixed sample changes with every stretch of the epoch
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def instrument_notes(rng, per_class, harmonics=12):
    """Strength of the harmonics of four instruments, one instrument after the other."""
    k = np.arange(1, harmonics + 1)
    shapes = [1 / k, 1 / k * (k % 2), np.exp(-0.5 * (k - 1)), np.exp(-((k - 4) ** 2) / 6)]
    rows, labels = [], []
    for label, shape in enumerate(shapes):
        loud = rng.normal(0, 0.4, (per_class, 1))
        rows.append(np.log(shape + 0.05) + loud + rng.normal(0, 0.9, (per_class, harmonics)))
        labels.append(np.full(per_class, label))
    return np.concatenate(rows), np.concatenate(labels)


def tensors(x, y, mean, std):
    x = torch.tensor((x - mean) / std, dtype=torch.float32)
    return TensorDataset(x, torch.tensor(y))


@torch.no_grad()
def accuracy(model, dataset):
    x, y = dataset.tensors
    model.eval()
    return (model(x).argmax(1) == y).float().mean().item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = instrument_notes(rng, 600)
    x_val, y_val = instrument_notes(rng, 100)
    mean, std = x.mean(0), x.std(0)
    train_set, val_set = tensors(x, y, mean, std), tensors(x_val, y_val, mean, std)
    loader = DataLoader(train_set, batch_size=32)  # fault
    model = nn.Sequential(nn.Linear(12, 32), nn.Tanh(), nn.Linear(32, 4))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(args.epochs):
        losses = []
        for i, (xb, yb) in enumerate(loader, start=1):
            model.train()
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if i % 15 == 0:
                score = accuracy(model, val_set)
                print(f"epoch {epoch} batch {i} loss {np.mean(losses):.4f} accuracy {score:.3f}")
