# expect: wrong-output-activation
# note: the loop that builds the MLP also puts a ReLU after the last layer; half the (scaled)
#   targets are negative
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset


def get_data(name, seed):
    if name == "friedman":
        return make_friedman1(2000, n_features=8, noise=0.5, random_state=seed)
    return load_diabetes(return_X_y=True)


class MLPRegressor(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        layers = []
        for n_in, n_out in zip(sizes[:-1], sizes[1:]):
            layers.append(nn.Linear(n_in, n_out))
            layers.append(nn.ReLU())  # fault
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)  # fault


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", default="friedman")
    parser.add_argument("--hidden", type=int, nargs="+", default=[64, 32])
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    X, y = get_data(args.data, args.seed)
    n_train = int(0.8 * len(X))
    x_scaler = StandardScaler().fit(X[:n_train])
    y_scaler = StandardScaler().fit(y[:n_train, None])
    X = torch.tensor(x_scaler.transform(X), dtype=torch.float32)
    y = torch.tensor(y_scaler.transform(y[:, None]), dtype=torch.float32)

    loader = DataLoader(TensorDataset(X[:n_train], y[:n_train]), batch_size=40, shuffle=True)
    model = MLPRegressor([X.shape[1], *args.hidden, 1])
    criterion = nn.HuberLoss()
    optimizer = torch.optim.NAdam(model.parameters(), lr=2e-3)

    for epoch in range(12):
        model.train()
        running = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            running += loss.item()
        model.eval()
        with torch.no_grad():
            residual = model(X[n_train:]) - y[n_train:]
            r2 = 1 - residual.pow(2).mean() / y[n_train:].var()
        print(f"epoch {epoch}: train {running / len(loader):.4f} val R2 {r2.item():.3f}")


if __name__ == "__main__":
    main()
