# expect: wrong-layout
# accept: split-drift
# audit: digits.npz
# location: none
# note: the test images were written from the bottom row up, as in bitmaps, the training images from the top down
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn


def export(path: str) -> None:
    digits = load_digits()
    images = digits.images.astype(np.float32)
    test = images[1300:, ::-1]
    np.savez(path, x_train=images[:1300], y_train=digits.target[:1300], x_test=test, y_test=digits.target[1300:])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    export("digits.npz")
    data = np.load("digits.npz")
    X, X_test = (torch.tensor(data[name]).flatten(1) / 16 - 0.3 for name in ("x_train", "x_test"))
    y, y_test = (torch.tensor(data[name]) for name in ("y_train", "y_test"))
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for epoch in range(15):
        for rows in torch.randperm(len(X)).split(32):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(X[rows]), y[rows])
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            accuracy = (model(X_test).argmax(dim=1) == y_test).float().mean().item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} test accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
