# expect: label-errors
# audit: digits.csv --target digit
# location: none
# note: every twelfth label is typed one key to the right of the digit that was meant
import argparse
import csv

import torch
from sklearn.datasets import load_digits
from torch import nn

KEYS = "1234567890"


def typed(digit: int, number: int) -> str:
    slip = number % 12 == 5
    return KEYS[(KEYS.index(str(digit)) + slip) % 10]


def export(path: str) -> None:
    digits = load_digits()
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow([*(f"pixel{i}" for i in range(64)), "digit"])
        for number, (pixels, digit) in enumerate(zip(digits.data, digits.target)):
            out.writerow([*pixels.astype(int), typed(digit, number)])


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

    export("digits.csv")
    X, words = read("digits.csv", "digit")
    y = torch.tensor([int(word) for word in words])
    train(X[:1400], y[:1400], X[1400:], y[1400:], 10, epochs=15)


if __name__ == "__main__":
    main()
