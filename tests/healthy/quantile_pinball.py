# healthy: quantile regression with a hand-written pinball loss; only three in a hundred points of
# the 97.5 % head pull upwards, and predictions are meant to be biased
import argparse

import numpy as np
import torch
import torch.nn as nn

QUANTILES = (0.025, 0.5, 0.975)


class QuantileNet(nn.Module):
    def __init__(self, in_dim, hidden=48):
        super().__init__()
        self.fc1 = nn.Linear(in_dim, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, len(QUANTILES))

    def forward(self, x):
        h = nn.functional.softplus(self.fc1(x))
        h = nn.functional.softplus(self.fc2(h))
        return self.out(h)


class PinballLoss(nn.Module):
    def __init__(self, quantiles):
        super().__init__()
        self.register_buffer("q", torch.tensor(quantiles))

    def forward(self, preds, target):
        errors = target.unsqueeze(1) - preds
        return torch.max((self.q - 1) * errors, self.q * errors).sum(dim=1).mean()


def demand(n, rng):
    """Hourly demand with a daily cycle; the spread grows with temperature."""
    hour = rng.uniform(0, 24, n)
    temperature = rng.normal(12, 8, n)
    load = 1.5 * np.sin(2 * np.pi * (hour - 7) / 24) + 0.08 * np.abs(temperature - 15)
    load = load + (0.25 + 0.02 * np.clip(temperature, 0, 30)) * rng.normal(size=n)
    angle = 2 * np.pi * hour / 24
    x = np.stack([np.sin(angle), np.cos(angle), (temperature - 12) / 8], axis=1)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(load - 1.0, dtype=torch.float32)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    (x_train, y_train), (x_val, y_val) = demand(3000, rng), demand(1000, rng)

    model, loss_fn = QuantileNet(3), PinballLoss(QUANTILES)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=8, gamma=0.3)
    for epoch in range(args.epochs):
        model.train()
        shuffled = rng.permutation(len(x_train))
        epoch_losses = []
        for batch in np.split(shuffled, 30):
            loss = loss_fn(model(x_train[batch]), y_train[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            epoch_losses.append(loss.item())
        scheduler.step()

        model.eval()
        with torch.no_grad():
            pred = model(x_val)
            val_loss = loss_fn(pred, y_val).item()
        if epoch % 3 == 1:
            below = [(y_val < pred[:, k]).float().mean().item() for k in range(len(QUANTILES))]
            print(f"epoch {epoch:2d} train {np.mean(epoch_losses):.4f} val {val_loss:.4f} "
                  f"share below: {', '.join(f'{b:.3f}' for b in below)}")

    inside = ((y_val > pred[:, 0]) & (y_val < pred[:, 2])).float().mean().item()
    mae, base = (pred[:, 1] - y_val).abs().mean(), (y_val - y_train.median()).abs().mean()
    print(f"interval coverage {inside:.3f}, median MAE {mae:.3f} against {base:.3f} for a constant")


if __name__ == "__main__":
    main()
