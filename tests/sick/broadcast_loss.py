# expect: broadcast-loss
# note: the model returns (N, 1), the targets are (N), MSELoss broadcasts them to (N, N) and the net
#       learns the mean: R2 stays near 0 where 0.4 to 0.5 is possible
# mend: loss = loss_fn(pred, y) -> loss = loss_fn(pred.squeeze(1), y)
import argparse

import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset


class Diabetes(Dataset):
    def __init__(self):
        x, y = load_diabetes(return_X_y=True, scaled=False)
        self.x = torch.tensor(x, dtype=torch.float32)
        self.y = torch.tensor(y, dtype=torch.float32)

    def standardise(self, rows):
        self.x = (self.x - self.x[rows].mean(0)) / self.x[rows].std(0)
        self.y = (self.y - self.y[rows].mean()) / self.y[rows].std()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Dropout(0.1))
        self.head = nn.Linear(16, 1)

    def forward(self, x):
        return self.head(self.body(x))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    data = Diabetes()
    order = torch.randperm(len(data)).tolist()
    train_rows, val_rows = order[:342], order[342:]
    data.standardise(train_rows)
    train_loader = DataLoader(Subset(data, train_rows), batch_size=32, shuffle=True)

    model = Regressor()
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
    for epoch in range(25):
        model.train()
        total, count = 0.0, 0
        for x, y in train_loader:
            optimizer.zero_grad()
            pred = model(x)
            loss = loss_fn(pred, y)  # fault
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
            count += len(y)

        model.eval()
        with torch.no_grad():
            x, y = data.x[val_rows], data.y[val_rows]
            residual = y - model(x).flatten()
            r2 = 1 - residual.pow(2).sum() / (y - y.mean()).pow(2).sum()
        print(f"epoch {epoch:2d} train loss {total / count:.4f} val R2 {r2.item():.4f}")


if __name__ == "__main__":
    main()
