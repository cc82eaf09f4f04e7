# healthy: batches of four with a small step size, so the loss of single steps is very noisy;
# Huber loss, no eval() because nothing in the model depends on it
import argparse

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch_size", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=6)
    args = parser.parse_args()
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    data = load_diabetes()
    x = (data.data / data.data.std(0)).astype(np.float32)
    y = data.target.astype(np.float32)
    perm = np.random.permutation(len(x))
    train, test = perm[:340], perm[340:]
    mu, sigma = y[train].mean(), y[train].std()
    y = ((y - mu) / sigma)[:, None]

    loader = DataLoader(
        TensorDataset(torch.from_numpy(x[train]), torch.from_numpy(y[train])),
        batch_size=args.batch_size, shuffle=True,
    )
    x_test, y_test = torch.from_numpy(x[test]), torch.from_numpy(y[test])

    regressor = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 1))
    criterion = nn.HuberLoss(delta=1.0)
    optimizer = optim.SGD(regressor.parameters(), lr=0.01, momentum=0.5, weight_decay=1e-3)

    for epoch in range(1, args.epochs + 1):
        losses = []
        for inputs, targets in loader:
            optimizer.zero_grad()
            prediction = regressor(inputs)
            loss = criterion(prediction, targets)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            prediction = regressor(x_test)
            test_loss = criterion(prediction, y_test).item()
            mse = (prediction - y_test).square().mean().item()
        print(f"epoch {epoch} train {np.mean(losses):.4f} test {test_loss:.4f} "
              f"R2 {1 - mse / y_test.var().item():.3f}")


if __name__ == "__main__":
    main()
