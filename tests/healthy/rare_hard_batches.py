# healthy: one batch in two hundred comes from a hard source, where loss and gradient are many times larger; the
# gradient is clipped and training goes on as before
import argparse

import torch
from torch import nn


def make_batch(weights, generator, hard):
    x = torch.randn(32, 12, generator=generator)
    y = torch.sin(x @ weights[:, 0]) + 0.5 * (x @ weights[:, 1])
    noise = 6.0 if hard else 0.1
    return x, y + noise * torch.randn(32, generator=generator)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=8000)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(args.seed)
    weights = torch.randn(12, 2, generator=generator) / 12**0.5
    x_val, y_val = make_batch(weights, generator, hard=False)
    model = nn.Sequential(nn.Linear(12, 64), nn.GELU(), nn.Linear(64, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
    running = None
    for step in range(1, args.steps + 1):
        hard = torch.rand((), generator=generator).item() < 0.005
        x, y = make_batch(weights, generator, hard)
        loss = nn.functional.mse_loss(model(x).squeeze(-1), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        running = loss.item() if running is None else 0.99 * running + 0.01 * loss.item()
        if step % 1000 == 0:
            with torch.no_grad():
                val = nn.functional.mse_loss(model(x_val).squeeze(-1), y_val).item()
            print(f"step {step} running loss {running:.4f} val {val:.4f}")


if __name__ == "__main__":
    main()
