# expect: class-imbalance
# accept: collapsed-prediction, below-baseline
# note: three frauds in a hundred, unweighted loss; the accuracy of 97 % is that of always
#   saying no, and the net says no to nearly everyone although frauds can be told
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def transactions(rng, n, share=0.03):
    """Amount, hour, distance, age of the account and a few useless columns."""
    fraud = rng.random(n) < share
    x = rng.normal(size=(n, 8))
    x[fraud, :4] += np.array([0.9, 0.6, 0.8, -0.5])
    return torch.tensor(x, dtype=torch.float32), torch.tensor(fraud, dtype=torch.float32)


class Detector(nn.Module):
    def __init__(self, n_features):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_features, 32), nn.ReLU(), nn.Dropout(0.2))
        self.out = nn.Linear(32, 1)

    def forward(self, x):
        return self.out(self.body(x)).squeeze(1)


def report(model, x, y):
    model.eval()
    with torch.no_grad():
        flagged = model(x) > 0
    truth = y > 0.5
    accuracy = (flagged == truth).float().mean().item()
    recall = (flagged & truth).sum().item() / truth.sum().item()
    recall_no = (~flagged & ~truth).sum().item() / (~truth).sum().item()
    return accuracy, recall, (recall + recall_no) / 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = transactions(rng, 4000)
    x_val, y_val = transactions(rng, 2000)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    model = Detector(x.shape[1])
    nn.init.constant_(model.out.bias, float(torch.logit(y.mean())))
    criterion = nn.BCEWithLogitsLoss()  # fault
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(yb)
        accuracy, recall, balanced = report(model, x_val, y_val)
        print(
            f"epoch {epoch} loss {total / len(y):.4f} accuracy {accuracy:.3f} "
            f"recall {recall:.3f} balanced {balanced:.3f}"
        )


if __name__ == "__main__":
    main()
