# expect: uncentred-input
# accept: unscaled-input
# note: columns are divided by their standard deviation but their mean (2 to 10 std) is left in
import argparse

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def prepare(train, test):
    scale = train.std(axis=0)
    return train / scale, test / scale  # fault


def tensors(x, y):
    return TensorDataset(torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(30, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1)
        )

    def forward(self, x):
        return self.body(x).squeeze(-1)


def evaluate(model, loader, loss_fn):
    model.eval()
    losses, hits = [], []
    with torch.no_grad():
        for x, y in loader:
            logit = model(x)
            losses.append(loss_fn(logit, y).item() * len(y))
            hits.append(((logit > 0).float() == y).sum().item())
    n = len(loader.dataset)
    return np.sum(losses) / n, np.sum(hits) / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)

    x, y = load_breast_cancer(return_X_y=True)
    parts = train_test_split(x, y, test_size=0.25, stratify=y, random_state=seed)
    x_train, x_test = prepare(parts[0], parts[1])
    train_loader = DataLoader(tensors(x_train, parts[2]), batch_size=20, shuffle=True)
    test_loader = DataLoader(tensors(x_test, parts[3]), batch_size=143)

    model = Net()
    loss_fn = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for epoch in range(15):
        model.train()
        running = 0.0
        for xb, yb in train_loader:
            loss = loss_fn(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item() * len(yb)
        test_loss, acc = evaluate(model, test_loader, loss_fn)
        train_loss = running / len(train_loader.dataset)
        print(f"epoch {epoch}: loss {train_loss:.4f}, test loss {test_loss:.4f}, acc {acc:.4f}")


if __name__ == "__main__":
    main()
