# expect: lr-too-high
# accept: huge-updates, loss-flat, loss-spikes
# note: Adam at 0.3 throws the weights away in the first steps; the loss jumps to thousands
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

CFG = {
    "model": {"dim": 32, "heads": 4, "layers": 2},
    "optim": {"name": "Adam", "kwargs": {"lr": 0.3, "betas": (0.9, 0.98)}},  # fault
    "train": {"epochs": 5, "batch": 48},
}


class RowTransformer(nn.Module):
    """Reads a digit as a sequence of eight rows."""

    def __init__(self, dim, heads, layers):
        super().__init__()
        self.inp = nn.Linear(8, dim)
        self.pos = nn.Parameter(torch.randn(1, 8, dim) * 0.02)
        layer = nn.TransformerEncoderLayer(
            dim, heads, 2 * dim, dropout=0.0, batch_first=True, norm_first=True
        )
        self.enc = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.out = nn.Linear(dim, 10)

    def forward(self, x):
        return self.out(self.enc(self.inp(x) + self.pos).mean(1))


def make_optimizer(model, spec):
    return getattr(torch.optim, spec["name"])(model.parameters(), **spec["kwargs"])  # fault


def run_epoch(model, x, y, batch, opt=None):
    model.train(opt is not None)
    order = torch.randperm(len(x)) if opt else torch.arange(len(x))
    tot, hit = 0.0, 0
    with torch.set_grad_enabled(opt is not None):
        for idx in order.split(batch):
            logits = model(x[idx])
            loss = F.cross_entropy(logits, y[idx])
            if opt:
                opt.zero_grad()
                loss.backward()
                opt.step()
            tot += loss.item() * len(idx)
            hit += (logits.argmax(-1) == y[idx]).sum().item()
    return tot / len(x), hit / len(x)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    torch.manual_seed(p.parse_args().seed)
    torch.set_num_threads(1)
    data = load_digits()
    x = torch.tensor(data.images, dtype=torch.float32) / 8 - 1
    y = torch.tensor(data.target)
    perm = torch.randperm(len(x))
    tr, va = perm[:1400], perm[1400:]
    model = RowTransformer(**CFG["model"])
    opt = make_optimizer(model, CFG["optim"])
    for ep in range(CFG["train"]["epochs"]):
        a = run_epoch(model, x[tr], y[tr], CFG["train"]["batch"], opt)
        b = run_epoch(model, x[va], y[va], 200)
        print(f"ep {ep} train {a[0]:.3f}/{a[1]:.3f} val {b[0]:.3f}/{b[1]:.3f}")


main()
