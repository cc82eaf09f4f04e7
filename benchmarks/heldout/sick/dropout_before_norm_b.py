# expect-note: dropout-before-norm
# note: in each convolution block dropout comes before the batch norm; the classifier is fine
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def conv_unit(c_in, c_out, p):
    return nn.Sequential(
        nn.Dropout1d(p),  # fault
        nn.BatchNorm1d(c_in),  # fault
        nn.ReLU(),
        nn.Conv1d(c_in, c_out, 5, padding=2),
    )


class SeriesNet(nn.Module):
    def __init__(self, n_classes=5, p=0.1):
        super().__init__()
        self.stem = nn.Conv1d(1, 16, 7, stride=2, padding=3, bias=False)
        self.unit1 = conv_unit(16, 32, p)
        self.unit2 = conv_unit(32, 32, p)
        self.head = nn.Linear(32, n_classes)

    def forward(self, x):
        x = self.stem(x)
        x = F.max_pool1d(self.unit1(x), 2)
        x = x + self.unit2(x)
        return self.head(F.relu(x).mean(dim=2))


def make_series(n, rng):
    """Noise and in it a bump, a dip, a step, a burst or nothing."""
    length = 64
    label = rng.integers(0, 5, n)
    t = np.arange(length)
    x = rng.normal(0, 0.35, (n, length))
    at = rng.integers(16, 48, n)[:, None]
    bump = 1.8 * np.exp(-(((t - at) / 4.0) ** 2))
    shapes = [0 * bump, bump, -bump, 1.2 * (t > at), bump * np.cos(2.2 * (t - at))]
    x += np.stack(shapes)[label, np.arange(n)]
    x = (x - x.mean()) / x.std()
    return torch.tensor(x[:, None], dtype=torch.float32), torch.tensor(label)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    x, y = make_series(1536, rng)
    x_val, y_val = make_series(400, rng)
    model = SeriesNet()
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.8)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(x)).split(48):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(rows) / len(x)
        sched.step()
        model.eval()
        with torch.inference_mode():
            out = model(x_val)
        val, acc = F.cross_entropy(out, y_val), (out.argmax(1) == y_val).float().mean()
        print(f"epoch {epoch}: train {total:.4f} val {val:.4f} acc {acc:.4f}")


if __name__ == "__main__":
    main()
