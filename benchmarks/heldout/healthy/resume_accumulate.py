# healthy: training is cut in two and resumed from a checkpoint in a fresh model; four micro-
# batches per step, gradients left in place between backward passes on purpose, clipping, warm-up
# and cosine decay
import argparse
import io
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

MICRO, ACCUM, EPOCHS = 32, 4, 12


def surface(n, gen):
    x = torch.rand(n, 5, generator=gen) * 4 - 2
    y = torch.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] - (x[:, 3] ** 2) / 2
    return x, (y + 0.1 * torch.randn(n, generator=gen))[:, None]


class ResidualMLP(nn.Module):
    def __init__(self, width=64, depth=3):
        super().__init__()
        self.inp = nn.Linear(5, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(),
                          nn.Linear(width, width)) for _ in range(depth)
        )  # fmt: skip
        self.out = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 1))

    def forward(self, x):
        h = self.inp(x)
        for block in self.blocks:
            h = h + block(h)
        return self.out(h)


def setup(total):
    model = ResidualMLP()
    opt = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
    warm = total // 10

    def factor(s):
        if s < warm:
            return (s + 1) / warm
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (s - warm) / (total - warm)))

    return model, opt, torch.optim.lr_scheduler.LambdaLR(opt, factor)


def run(model, opt, sched, loader, val, epochs):
    criterion = nn.MSELoss()
    for epoch in epochs:
        model.train()
        total = 0.0
        opt.zero_grad()
        for i, (x, y) in enumerate(loader):
            loss = criterion(model(x), y)
            (loss / ACCUM).backward()
            total += loss.item()
            if (i + 1) % ACCUM == 0:
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                opt.step()
                sched.step()
                opt.zero_grad()
        model.eval()
        with torch.no_grad():
            v = criterion(model(val[0]), val[1]).item()
        print(f"epoch {epoch} train {total / len(loader):.4f} val {v:.4f} (variance 1.0)")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(args.seed)
    x, y = surface(1920, gen)
    xv, yv = surface(500, gen)
    xm, xs, ym, ys = x.mean(0), x.std(0), y.mean(), y.std()
    x, xv, y, yv = (x - xm) / xs, (xv - xm) / xs, (y - ym) / ys, (yv - ym) / ys
    loader = DataLoader(TensorDataset(x, y), batch_size=MICRO, shuffle=True)
    total = EPOCHS * len(loader) // ACCUM
    model, opt, sched = setup(total)
    run(model, opt, sched, loader, (xv, yv), range(EPOCHS // 2))
    buffer = io.BytesIO()
    torch.save(
        {
            "model": model.state_dict(),
            "opt": opt.state_dict(),
            "sched": sched.state_dict(),
            "rng": torch.get_rng_state(),
        },
        buffer,
    )
    del model, opt, sched

    buffer.seek(0)
    model, opt, sched = setup(total)
    saved = torch.load(buffer, weights_only=True)
    model.load_state_dict(saved["model"])
    opt.load_state_dict(saved["opt"])
    sched.load_state_dict(saved["sched"])
    torch.set_rng_state(saved["rng"])
    print("resumed")
    run(model, opt, sched, loader, (xv, yv), range(EPOCHS // 2, EPOCHS))


if __name__ == "__main__":
    main()
