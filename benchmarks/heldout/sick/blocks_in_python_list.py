# expect: unregistered-parameters
# accept: parameters-not-in-optimizer
# note: the hidden layers live in a plain python list, so model.parameters() does not contain them
#   and they are never trained
import argparse

import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import make_moons


class MLP(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = []  # fault
        for n_in, n_out in zip(sizes[:-2], sizes[1:-1]):
            self.layers.append(nn.Linear(n_in, n_out))
            self.layers.append(nn.ReLU())
        self.classifier = nn.Linear(sizes[-2], sizes[-1])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.classifier(x)


def accuracy(logits, y):
    return (logits.argmax(dim=-1) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    X, y = make_moons(n_samples=1250, noise=0.12, random_state=args.seed)
    X = (X - X[:1000].mean(0)) / X[:1000].std(0)
    X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
    X_train, y_train, X_test, y_test = X[:1000], y[:1000], X[1000:], y[1000:]

    model = MLP([2, 16, 16, 16, 2])
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    criterion = nn.CrossEntropyLoss()

    for epoch in range(args.epochs):
        perm = torch.randperm(1000)
        epoch_loss = 0.0
        for i in range(0, 1000, 50):
            xb, yb = X_train[perm[i : i + 50]], y_train[perm[i : i + 50]]
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item() / 20
        with torch.no_grad():
            test_logits = model(X_test)
        print(
            f"Epoch {epoch + 1}/{args.epochs} - loss: {epoch_loss:.4f} "
            f"- val_loss: {criterion(test_logits, y_test):.4f} "
            f"- val_acc: {accuracy(test_logits, y_test):.4f}"
        )


if __name__ == "__main__":
    main()
