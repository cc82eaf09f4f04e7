# expect: broadcast-loss
# accept: collapsed-prediction
# note: outputs of shape (N, 1) meet targets of shape (N,) in the loss; it compares all pairs and the
#   best answer is the mean for every input
import argparse
import warnings

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

warnings.filterwarnings("ignore")


class Pharmacology(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Linear(4, 40)
        self.mid = nn.Linear(40, 40)
        self.out = nn.Linear(40, 1)

    def forward(self, x):
        h = nn.functional.gelu(self.inp(x))
        h = h + nn.functional.gelu(self.mid(h))
        return self.out(h)


def responses(n):
    """Effect of a drug by dose, weight, age and time since it was taken."""
    u = torch.rand(n, 4)
    dose, weight, age, hours = u.unbind(1)
    level = 3 * dose / (0.5 + weight) * (torch.exp(-1.5 * hours) - torch.exp(-9 * hours))
    effect = level**2 / (0.3 + level**2) * (1 - 0.3 * age)
    return (u - 0.5) * 3.46, effect + 0.02 * torch.randn(n)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=15)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = responses(1600)
    y = (y - y[:1200].mean()) / y[:1200].std()
    loader = DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=40, shuffle=True)
    x_val, y_val = x[1200:], y[1200:]
    model = Pharmacology()
    criterion = nn.MSELoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for xb, yb in loader:
            loss = criterion(model(xb), yb)  # fault
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(yb)
        model.eval()
        with torch.no_grad():
            pred = model(x_val).squeeze(1)
        r2 = 1 - ((pred - y_val) ** 2).sum() / ((y_val - y_val.mean()) ** 2).sum()
        print(f"epoch {epoch:2d} train {total / 1200:.4f} r2 {r2:.4f} spread {pred.std():.4f}")


if __name__ == "__main__":
    main()
