# expect: loss-spikes
# accept: outlier-samples, corrupt-samples, unscaled-target, exploding-gradient
# note: a few readings were stored in another unit (a thousand times too large); each batch with
#   one gives a loss spike of many orders and throws the weights back
# mend by hand: y = logged(rng, y) -> y = logged(rng, y)\n    y = np.where(np.abs(y) > 3, y / 1000, y)
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def measurements(rng, n):
    """Power of a wind turbine from wind speed, direction, temperature and pressure."""
    wind = rng.weibull(2.0, n) * 8
    direction = rng.uniform(0, 2 * np.pi, n)
    temperature = rng.normal(10, 8, n)
    pressure = rng.normal(1013, 8, n)
    density = pressure / (287 * (temperature + 273.15)) * 100
    power = density * np.clip(wind - 3, 0, 9) ** 3 / 900 * (1 + 0.1 * np.cos(direction))
    power = power + rng.normal(0, 0.03, n)
    inputs = np.stack([wind, np.sin(direction), np.cos(direction), temperature, pressure], axis=1)
    return inputs, power


def logged(rng, power, share=0.003):
    """What the data logger wrote: some rows are in watts, the rest in kilowatts."""
    power = power.copy()
    power[rng.random(len(power)) < share] *= 1000  # fault
    return power


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x, y = measurements(rng, 2000)
    x_val, y_val = measurements(rng, 500)
    center, spread = np.median(x, axis=0), x.std(axis=0)
    y_center, y_spread = np.median(y), np.subtract(*np.percentile(y, [75, 25]))
    y = logged(rng, y)
    to_tensor = lambda a: torch.tensor(a, dtype=torch.float32)  # noqa: E731
    train = TensorDataset(to_tensor((x - center) / spread), to_tensor((y - y_center) / y_spread))  # fault
    x_val, y_val = to_tensor((x_val - center) / spread), to_tensor((y_val - y_center) / y_spread)
    loader = DataLoader(train, batch_size=32, shuffle=True)

    model = nn.Sequential(nn.Linear(5, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU())
    model = nn.Sequential(model, nn.Linear(48, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    criterion = nn.MSELoss()
    for epoch in range(args.epochs):
        model.train()
        losses = []
        for inputs, power in loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), power)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            val = criterion(model(x_val), y_val).item()
        print(
            f"epoch {epoch:2d} train median {np.median(losses):.4f} max {np.max(losses):.4f} "
            f"val {val:.4f}"
        )


if __name__ == "__main__":
    main()
