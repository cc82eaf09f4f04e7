# expect: unscaled-target
# accept: below-baseline
# note: deflections in metres (about 0.002): the loss looks tiny at once, R2 stays far below zero
import argparse
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass
class Config:
    n_train: int = 800
    n_val: int = 300
    batch: int = 40
    epochs: int = 15
    lr: float = 0.02


def cantilever(n: int, g: torch.Generator) -> tuple[Tensor, Tensor]:
    """Tip deflection of a loaded beam: force, length, width, height, elastic modulus."""
    u = torch.rand(n, 5, generator=g)
    low = torch.tensor([100.0, 0.8, 0.04, 0.05, 60e9])
    high = torch.tensor([600.0, 1.2, 0.08, 0.08, 210e9])
    p = low + u * (high - low)
    force, length, width, height, modulus = p.unbind(1)
    inertia = width * height**3 / 12
    deflection = force * length**3 / (3 * modulus * inertia)
    noise = 1 + 0.02 * torch.randn(n, generator=g)
    features = (u - 0.5) * 12**0.5
    return features, (deflection * noise)[:, None]  # fault


class Surrogate(nn.Module):
    def __init__(self, width: int = 40) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(5, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def main(seed: int, cfg: Config) -> None:
    g = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    x, y = cantilever(cfg.n_train, g)
    x_val, y_val = cantilever(cfg.n_val, g)
    model = Surrogate()
    opt = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=0.9)
    for epoch in range(cfg.epochs):
        total = 0.0
        for idx in torch.randperm(cfg.n_train, generator=g).split(cfg.batch):
            loss = nn.functional.mse_loss(model(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx) / cfg.n_train
        with torch.no_grad():
            val = nn.functional.mse_loss(model(x_val), y_val).item()
        r2 = 1 - val / y_val.var(correction=0).item()
        print(f"epoch {epoch:2d}: train {total:.3e}  val {val:.3e}  R2 {r2:.3f}")


if __name__ == "__main__":
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=0)
    main(cli.parse_args().seed, Config())
