# expect: random-labels
# accept: label-errors, below-baseline, overfitting, collapsed-prediction, ignores-input
# note: inputs and labels are permuted with two different permutations; training slowly memorises,
#   validation stays at chance
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn, optim


def shuffled(array, rng):
    return array[rng.permutation(len(array))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)

    digits = load_digits()
    images = shuffled(digits.images / 16.0 - 0.5, rng)
    labels = shuffled(digits.target, rng)  # fault
    x = torch.as_tensor(images, dtype=torch.float32).unsqueeze(1)
    y = torch.as_tensor(labels)
    x_train, y_train = x[:1400], y[:1400]
    x_val, y_val = x[1400:], y[1400:]

    model = nn.Sequential(
        nn.Conv2d(1, 10, 3),
        nn.ReLU(),
        nn.Conv2d(10, 16, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    )
    optimizer = optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    loss_function = nn.CrossEntropyLoss()

    for epoch in range(10):
        model.train()
        history = []
        for batch in rng.permutation(1400).reshape(28, 50):
            batch = torch.as_tensor(batch)
            loss = loss_function(model(x_train[batch]), y_train[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            history.append(loss.item())
        model.eval()
        with torch.no_grad():
            scores = model(x_val)
        val_loss = loss_function(scores, y_val).item()
        val_acc = (scores.argmax(dim=1) == y_val).float().mean().item()
        print(f"{epoch:2d} {np.mean(history):.4f} {val_loss:.4f} {val_acc:.4f}")


if __name__ == "__main__":
    main()
