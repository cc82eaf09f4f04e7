# expect: growing-attention-logits
# accept: collapsed-attention, lr-too-high, skewed-weight-variance, huge-updates
# note: queries and keys have their own, far too high rate; the largest score grows to hundreds, all
#   weight goes to one neighbour and the error stays above that of equal rates
import argparse

import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.q = nn.Linear(dim, dim, bias=False)
        self.k = nn.Linear(dim, dim, bias=False)
        self.v = nn.Linear(dim, dim)

    def forward(self, x):
        scores = self.q(x) @ self.k(x).transpose(1, 2) / x.shape[-1] ** 0.5
        return scores.softmax(-1) @ self.v(x)


class PointNet(nn.Module):
    """Smooths noisy points of a closed curve; each point sees all the others."""

    def __init__(self, dim=32):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(4, dim), nn.GELU(), nn.Linear(dim, dim))
        self.norm = nn.LayerNorm(dim)
        self.attention = Attention(dim)
        self.head = nn.Sequential(nn.Linear(2 * dim, dim), nn.GELU(), nn.Linear(dim, 2))

    def forward(self, x):
        h = self.embed(x)
        return self.head(torch.cat([h, self.attention(self.norm(h))], dim=-1))


def curves(n, points=32):
    angle = torch.linspace(0, 6.283, points + 1)[:-1].expand(n, points)
    radius = 1 + 0.5 * torch.randn(n, 1) * torch.cos(angle + 6.283 * torch.rand(n, 1))
    radius = radius + 0.3 * torch.randn(n, 1) * torch.cos(2 * angle + 6.283 * torch.rand(n, 1))
    clean = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=-1)
    noisy = clean + 0.5 * torch.randn_like(clean)
    return torch.cat([noisy, angle.cos()[..., None], angle.sin()[..., None]], dim=-1), clean


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=400)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = curves(1500)
    x_val, y_val = curves(300)
    model = PointNet()
    scores = [*model.attention.q.parameters(), *model.attention.k.parameters()]
    chosen = {id(p) for p in scores}
    others = [p for p in model.parameters() if id(p) not in chosen]
    groups = [{"params": others, "lr": 3e-3}, {"params": scores, "lr": 0.1}]  # fault
    optimizer = torch.optim.Adam(groups)
    loss_fn = nn.MSELoss()
    for step in range(1, args.steps + 1):
        model.train()
        rows = torch.randint(len(x), (32,))
        optimizer.zero_grad()
        loss = loss_fn(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        if step % 40 == 0:
            model.eval()
            with torch.no_grad():
                val = loss_fn(model(x_val), y_val).item()
            print(f"step {step} train {loss.item():.4f} val {val:.4f}")


if __name__ == "__main__":
    main()
