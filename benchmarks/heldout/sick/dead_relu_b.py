# expect: lr-too-high
# accept: dead-relu, zero-gradient, collapsed-prediction, loss-flat, huge-updates
# note: the rate is so high that the first steps push nearly all units of the second layer below zero
#   for every input; they never come back and the error stays at the variance of the target
import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def concrete(n, generator):
    """Strength of concrete from its mixture and age."""
    u = torch.rand(n, 6, generator=generator)
    cement, slag, ash, water, plasticiser, age = u.unbind(1)
    binder = cement + 0.6 * slag + 0.3 * ash
    strength = 3 * binder / (0.5 + water) * (0.4 + 0.6 * torch.sqrt(age)) + plasticiser * water
    strength = strength + 0.1 * torch.randn(n, generator=generator)
    return (u - 0.5) / 0.29, ((strength - 1.9) / 1.1).unsqueeze(1)


class Regressor(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.layer1 = nn.Linear(6, width)
        self.layer2 = nn.Linear(width, width)
        self.layer3 = nn.Linear(width, 1)

    def forward(self, x):
        x = nn.functional.relu(self.layer1(x))
        x = nn.functional.relu(self.layer2(x))
        return self.layer3(x)


def fit(model, loader, optimizer, criterion):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(77)
    x, y = concrete(1200, generator)
    x_val, y_val = concrete(300, generator)
    loader = DataLoader(TensorDataset(x, y), batch_size=40, shuffle=True)
    model = Regressor()
    criterion = nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)  # fault
    for epoch in range(args.epochs):
        train = fit(model, loader, optimizer, criterion)
        model.eval()
        with torch.no_grad():
            pred = model(x_val)
            val = criterion(pred, y_val).item()
        spread = pred.std().item()
        print(f"epoch {epoch} train {train:.4f} val {val:.4f} spread of predictions {spread:.4f}")


if __name__ == "__main__":
    main()
