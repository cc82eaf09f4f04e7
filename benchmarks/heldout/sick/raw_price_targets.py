# expect: unscaled-target
# accept: unexpected-initial-loss, exploding-gradient, always-clipped, wrong-final-bias, lr-too-low
# note: prices in whole currency units (about 300000) are the regression target as they are; Adam
#   at 1e-3 cannot get there
import argparse
import random

import torch
import torch.nn as nn


def sample_house(rng):
    area = rng.gauss(120, 35)
    rooms = max(1, round(area / 28 + rng.gauss(0, 0.8)))
    age = rng.uniform(0, 80)
    dist = rng.uniform(0, 30)
    price = 1900 * area + 12000 * rooms - 900 * age - 2500 * dist
    price += 60000 * (dist < 5) + rng.gauss(0, 15000)
    return [(area - 120) / 35, (rooms - 4) / 1.5, (age - 40) / 23, (dist - 15) / 8.7], price


class PriceModel(nn.Module):
    def __init__(self, n_features=4, n_hidden=64):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, n_hidden),
            nn.ReLU(),
            nn.Linear(n_hidden, 1),
        )

    def forward(self, x):
        return self.layers(x).squeeze(-1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)

    rows = [sample_house(rng) for _ in range(1000)]
    x = torch.tensor([r[0] for r in rows])
    y = torch.tensor([r[1] for r in rows])  # fault
    x_train, x_val, y_train, y_val = x[:800], x[800:], y[:800], y[800:]
    baseline = ((y_val - y_train.mean()) ** 2).mean()

    model = PriceModel()
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(1, 31):
        total = 0.0
        for idx in torch.randperm(800).split(50):
            optimizer.zero_grad()
            loss = criterion(model(x_train[idx]), y_train[idx])  # fault
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 3 == 0:
            with torch.no_grad():
                val = criterion(model(x_val), y_val)
            print(f"{epoch}: train {total / 16:.4g}, val R2 {1 - (val / baseline).item():.4f}")


if __name__ == "__main__":
    main()
