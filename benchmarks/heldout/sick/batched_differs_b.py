# expect: batched-differs
# accept: batch-mixing
# note: norm() without dim divides by the norm of the whole batch, outputs depend on the others
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

N_BINS = 32


def spectra(n, rng):
    """Spectra of four minerals: peaks at fixed places, unknown brightness."""
    centres = np.array([[4, 12, 27], [6, 17, 22], [4, 19, 25], [9, 14, 29]])
    grid = np.arange(N_BINS)
    label = rng.integers(0, 4, n)
    x = np.zeros((n, N_BINS))
    for k in range(3):
        position = centres[label, k] + rng.normal(0, 0.8, n)
        height = rng.uniform(0.5, 1.5, n)
        x += height[:, None] * np.exp(-(((grid - position[:, None]) / 1.5) ** 2))
    x = (x + rng.normal(0, 0.2, x.shape)) * rng.lognormal(0, 0.3, (n, 1))
    x = (x - x.mean()) / x.std()
    return torch.tensor(x, dtype=torch.float32), torch.tensor(label)


class Embedder(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Linear(N_BINS, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, dim)
        )
        self.log_scale = nn.Parameter(torch.tensor(3.0))
        self.classes = nn.Linear(dim, 4, bias=False)

    def forward(self, x):
        z = self.backbone(x)
        z = z / z.norm()  # fault
        return self.log_scale.exp() * self.classes(z)


def main(seed):
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    x, y = spectra(1200, rng)
    x_val, y_val = spectra(400, rng)
    model = Embedder()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(10):
        model.train()
        order = rng.permutation(len(x))
        train_loss = []
        for i in range(0, len(x), 30):
            rows = order[i : i + 30]
            loss = F.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            train_loss.append(loss.item())
        model.eval()
        with torch.no_grad():
            out = model(x_val)
        val_loss = F.cross_entropy(out, y_val).item()
        acc = (out.argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch}: {np.mean(train_loss):.4f} val {val_loss:.4f} acc {acc:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
