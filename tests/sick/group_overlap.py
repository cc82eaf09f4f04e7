# expect: group-overlap
# accept: split-overlap
# audit: train=train.csv val=val.csv --group patient --target ill
# location: none
# note: each patient was measured six times; rows are shuffled before the split, so patients are on both sides
import argparse
import csv

import numpy as np
import torch
from sklearn.datasets import make_classification
from torch import nn


def export() -> None:
    random = np.random.default_rng(0)
    people, ill = make_classification(90, 12, n_informative=6, class_sep=1.5, random_state=0)
    patient = np.repeat(np.arange(90), 6)
    data = people[patient] + 0.3 * random.normal(size=(540, 12))
    order = random.permutation(540)
    for path, rows in (("train.csv", order[:400]), ("val.csv", order[400:])):
        with open(path, "w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["patient", *(f"value{i}" for i in range(12)), "ill"])
            out.writerows([f"P{patient[row]:03d}", *data[row].round(4), ill[patient[row]]] for row in rows)


def read(path: str, target: str) -> tuple[torch.Tensor, list[str]]:
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name not in (target, "patient")]
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
    (X, words), (X_val, words_val) = read("train.csv", "ill"), read("val.csv", "ill")
    y, y_val = (torch.tensor([int(word) for word in of]) for of in (words, words_val))
    train(X, y, X_val, y_val, 2)


if __name__ == "__main__":
    main()
