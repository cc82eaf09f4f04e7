# expect: clipped-loss
# note: the error is clamped to +-1 before it is squared, as a guard against outliers; samples that
#       are off by more than 1 give no gradient, so the large values are never learned
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def house_prices(n, rng):
    """Prices rise with floor space and rooms; the sea side (area 5) is another market."""
    space = rng.normal(size=n)
    rooms = 0.6 * space + 0.8 * rng.normal(size=n)
    age = rng.uniform(-1.7, 1.7, size=n)
    area = rng.integers(0, 6, size=n)
    level = np.array([-0.4, -0.2, 0.0, 0.2, 0.4, 4.0])[area]
    price = level + 0.5 * space + 0.3 * rooms - 0.2 * age + 0.3 * np.maximum(space, 0) * rooms
    price += 0.1 * rng.normal(size=n)
    x = np.stack([space, rooms, age], axis=1)
    return x.astype(np.float32), area, price.astype(np.float32)


class PriceNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.area = nn.Embedding(6, 4)
        self.mlp = nn.Sequential(
            nn.Linear(7, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, 1)
        )

    def forward(self, x, area):
        return self.mlp(torch.cat([x, self.area(area)], dim=1)).squeeze(1)


def robust_mse(pred, target):
    error = torch.clamp(pred - target, -1.0, 1.0)  # fault
    return error.pow(2).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)

    x, area, price = (torch.from_numpy(a) for a in house_prices(1500, rng))
    price = (price - price[:1200].mean()) / price[:1200].std()
    train = TensorDataset(x[:1200], area[:1200], price[:1200])
    loader = DataLoader(train, batch_size=40, shuffle=True)
    model = PriceNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(15):
        model.train()
        total = 0.0
        for xb, ab, pb in loader:
            loss = robust_mse(model(xb, ab), pb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(pb) / 1200
        model.eval()
        with torch.no_grad():
            residual = model(x[1200:], area[1200:]) - price[1200:]
        r2 = 1 - residual.pow(2).mean() / price[1200:].var(unbiased=False)
        print(
            f"epoch {epoch:2d} loss {total:.4f} val r2 {r2.item():.4f} "
            f"largest error {residual.abs().max().item():.2f}"
        )


if __name__ == "__main__":
    main()
