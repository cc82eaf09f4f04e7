# expect: wrong-class-weights
# accept: collapsed-prediction
# note: the weights are the class shares themselves instead of their inverse: rare classes are
#   ignored even more
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def make_transactions(n, rng):
    y = rng.choice(3, size=n, p=[0.8, 0.12, 0.08])
    centre = np.array([[0, 0, 0, 0], [1.4, -0.8, 0.6, 0], [-0.8, 1.4, 0, -0.9]])
    x = centre[y] + rng.normal(size=(n, 4))
    x = np.hstack([x, rng.normal(size=(n, 4))]).astype("float32")
    return torch.tensor(x), torch.tensor(y)


def class_weights(labels):
    freq = torch.bincount(labels).float()
    return freq / freq.sum() * len(freq)  # fault


def balanced_accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        pred = model(x).argmax(1)
    recall = [(pred[y == c] == c).float().mean().item() for c in range(3)]
    return float(np.mean(recall)), recall


def train(model, loader, criterion, optimizer):
    model.train()
    running = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item()
    return running / len(loader)


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    x_train, y_train = make_transactions(2400, rng)
    x_val, y_val = make_transactions(1200, rng)
    model = nn.Sequential(
        nn.Linear(8, 32), nn.PReLU(), nn.Linear(32, 16), nn.PReLU(), nn.Linear(16, 3)
    )
    criterion = nn.CrossEntropyLoss(weight=class_weights(y_train))  # fault
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=60, shuffle=True)
    for epoch in range(10):
        loss = train(model, loader, criterion, optimizer)
        bal, recall = balanced_accuracy(model, x_val, y_val)
        text = " ".join(f"{r:.2f}" for r in recall)
        print(f"epoch {epoch} loss {loss:.3f} balanced acc {bal:.3f} recall {text}")
