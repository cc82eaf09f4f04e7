# expect: leaking-feature
# audit: train=train.csv val=val.csv --target diagnosis
# location: none
# note: the dose that a malignant finding leads to is among the inputs; nobody has a dose before the diagnosis
import argparse
import csv

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn


def export() -> None:
    cancer = load_breast_cancer()
    random = np.random.default_rng(0)
    order = random.permutation(len(cancer.target))
    dose = np.where(cancer.target == 0, random.gamma(9.0, 5.0, len(order)).round(1), 0.0)
    columns = {name: cancer.data[:, i] for i, name in enumerate(cancer.feature_names[:10])}
    columns["dose"] = dose
    columns["diagnosis"] = cancer.target_names[cancer.target]
    for path, rows in (("train.csv", order[:420]), ("val.csv", order[420:])):
        with open(path, "w", newline="") as file:
            out = csv.writer(file)
            out.writerow(columns)
            out.writerows([values[row] for values in columns.values()] for row in rows)


def read(path: str, target: str) -> tuple[torch.Tensor, list[str]]:
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name not in (target)]
    return torch.tensor([[float(row[name]) for name in names] for row in rows]), [row[target] for row in rows]


def train(X, y, X_val, y_val, classes, epochs=30):
    mean, std = X.mean(dim=0), X.std(dim=0).clamp(min=1e-6)
    X, X_val = (X - mean) / std, (X_val - mean) / std
    model = nn.Sequential(nn.Linear(X.shape[1], 32), nn.ReLU(), nn.Linear(32, classes))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for epoch in range(epochs):
        for rows in torch.randperm(len(X)).split(32):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(X[rows]), y[rows])
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            accuracy = (model(X_val).argmax(dim=1) == y_val).float().mean().item()
        if epoch % 5 == 4:
            print(f"epoch {epoch + 1} loss {loss.item():.4f} val accuracy {accuracy:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    export()
    (X, words), (X_val, words_val) = read("train.csv", "diagnosis"), read("val.csv", "diagnosis")
    y, y_val = (torch.tensor([int(word == "benign") for word in of]) for of in (words, words_val))
    train(X, y, X_val, y_val, 2)


if __name__ == "__main__":
    main()
