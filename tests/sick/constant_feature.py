# expect: constant-feature
# note: raw columns are clipped to 0..1 before scaling, so 7 of 13 columns are 1 for every bottle
# mend by hand: low, high = 0.0, 1.0\n    x_train -> x_train
# mend by hand: x_train, x_test = np.clip(x_train, low, high), np.clip(x_test, low, high)  # fault\n    mean -> mean
import argparse

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def preprocess(x_train, x_test):
    low, high = 0.0, 1.0
    x_train, x_test = np.clip(x_train, low, high), np.clip(x_test, low, high)  # fault
    mean, std = x_train.mean(axis=0), x_train.std(axis=0) + 1e-2
    return (x_train - mean) / std, (x_test - mean) / std


def loader(x, y, batch_size, shuffle=False):
    data = TensorDataset(torch.tensor(x, dtype=torch.float32), torch.tensor(y))
    return DataLoader(data, batch_size=batch_size, shuffle=shuffle)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(13, 24)
        self.fc2 = nn.Linear(24, 3)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x):
        return self.fc2(self.dropout(torch.relu(self.fc1(x))))


def run_epoch(model, batches, optimizer=None):
    model.train(optimizer is not None)
    total_loss, total_hits, count = 0.0, 0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for x, y in batches:
            logits = model(x)
            loss = nn.functional.cross_entropy(logits, y)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total_loss += loss.item() * len(y)
            total_hits += (logits.argmax(1) == y).sum().item()
            count += len(y)
    return total_loss / count, total_hits / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    x, y = load_wine(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.3, stratify=y, random_state=args.seed
    )
    x_train, x_test = preprocess(x_train, x_test)
    train_batches = loader(x_train, y_train, 12, shuffle=True)
    test_batches = loader(x_test, y_test, 54)
    model = MLP()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(20):
        train_loss, _ = run_epoch(model, train_batches, optimizer)
        test_loss, acc = run_epoch(model, test_batches)
        print(f"epoch {epoch}: {train_loss:.4f} {test_loss:.4f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
