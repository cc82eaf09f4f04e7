# healthy: contrastive pre-training with NT-Xent (every loss term depends on the whole batch, as
# it should), then a linear probe on frozen features; the projection head is dropped on purpose
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from torch import nn


def make_signals(n, rng, length=64):
    """Windows cut at a random phase out of one of five kinds of oscillation."""
    t = np.arange(length)
    y = rng.integers(0, 5, n)
    phase = 2 * np.pi * (t / rng.uniform(9, 14, (n, 1)) + rng.uniform(0, 1, (n, 1)))
    kinds = np.stack([
        np.sin(phase),
        np.sin(phase) + 0.8 * np.sin(2 * phase),
        np.sin(phase) + 0.8 * np.cos(2 * phase),
        np.sin(phase) + 0.6 * np.sin(3 * phase),
        np.sin(phase) * (1 + 0.8 * np.sin(phase / 4)),
    ])
    x = kinds[y, np.arange(n)]
    x = x / x.std(axis=1, keepdims=True) + rng.normal(0, 0.2, x.shape)
    return torch.tensor(x, dtype=torch.float32).unsqueeze(1), y


def augment(x, crop=48):
    """Random crop, amplitude and noise."""
    n, _, length = x.shape
    start = torch.randint(0, length - crop + 1, (n, 1))
    out = x[:, 0].gather(1, start + torch.arange(crop))
    gain = torch.empty(n, 1).uniform_(0.8, 1.25)
    return (gain * out + 0.1 * torch.randn_like(out)).unsqueeze(1)


class SimCLR(nn.Module):
    def __init__(self, width=32, proj_dim=32):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv1d(1, width, 7, stride=2, padding=3), nn.GELU(),
            nn.Conv1d(width, width, 5, stride=2, padding=2), nn.GELU(),
            nn.Conv1d(width, 2 * width, 5, padding=2), nn.GELU(),
            nn.AdaptiveAvgPool1d(1), nn.Flatten(),
        )
        self.projector = nn.Sequential(
            nn.Linear(2 * width, 2 * width), nn.GELU(), nn.Linear(2 * width, proj_dim)
        )

    def forward(self, x):
        return F.normalize(self.projector(self.encoder(x)), dim=1)


def nt_xent(z1, z2, temperature=0.2):
    n = z1.size(0)
    z = torch.cat([z1, z2])
    sim = z @ z.t() / temperature
    sim = sim.masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
    targets = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(sim, targets)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=15)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    unlabelled, _ = make_signals(1920, rng)
    x_lab, y_lab = make_signals(300, rng)
    x_test, y_test = make_signals(500, rng)

    model = SimCLR()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(args.epochs):
        losses = []
        for x in unlabelled[torch.randperm(len(unlabelled))].split(96):
            loss = nt_xent(model(augment(x)), model(augment(x)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1:2d} contrastive loss {np.mean(losses):.4f}")

    model.requires_grad_(False)
    f_lab, f_test = model.encoder(x_lab).numpy(), model.encoder(x_test).numpy()
    probe = LogisticRegression(max_iter=2000, C=10.0).fit(f_lab, y_lab)
    print(f"linear probe accuracy {probe.score(f_test, y_test):.4f}")


if __name__ == "__main__":
    main()
