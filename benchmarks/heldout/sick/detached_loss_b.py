# expect: detached-loss
# note: the predictions come from a helper that runs under no_grad; requires_grad_() on the loss
#       silences the error of backward, but no gradient reaches the model
import argparse

import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn


class TabularModel:
    """A small estimator with fit, predict and score."""

    def __init__(self, n_features, hidden=12, lr=5e-3, epochs=30, batch_size=24):
        self.net = nn.Sequential(
            nn.Linear(n_features, hidden), nn.Softplus(), nn.Linear(hidden, 1), nn.Flatten(0)
        )
        self.loss_fn = nn.L1Loss()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=lr)
        self.epochs = epochs
        self.batch_size = batch_size

    @torch.no_grad()
    def predict(self, x):
        return self.net(x)

    def score(self, x, y):
        self.net.eval()
        residual = (self.predict(x) - y).pow(2).sum()
        return 1 - (residual / (y - y.mean()).pow(2).sum()).item()

    def fit(self, x, y, x_val, y_val):
        for epoch in range(self.epochs):
            self.net.train()
            losses = []
            for idx in torch.randperm(len(x)).split(self.batch_size):
                loss = self.loss_fn(self.predict(x[idx]), y[idx])  # fault
                loss.requires_grad_()  # fault
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                losses.append(loss.item() * len(idx))
            if epoch % 3 == 2:
                r2 = self.score(x_val, y_val)
                print(f"epoch {epoch + 1:2d}  mae {sum(losses) / len(x):.4f}  val r2 {r2:.4f}")
        return self


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x, y = load_diabetes(return_X_y=True, scaled=False)
    x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.2, random_state=args.seed)
    x_scale = StandardScaler().fit(x_train)
    y_scale = StandardScaler().fit(y_train[:, None])

    def tensors(a, b):
        b = y_scale.transform(b[:, None])[:, 0]
        return torch.tensor(x_scale.transform(a)).float(), torch.tensor(b).float()

    x_train, y_train = tensors(x_train, y_train)
    x_val, y_val = tensors(x_val, y_val)
    model = TabularModel(x_train.shape[1]).fit(x_train, y_train, x_val, y_val)
    print(f"final r2 {model.score(x_val, y_val):.4f}")


if __name__ == "__main__":
    main()
