# healthy: denoising diffusion in two dimensions; the loss is a noise prediction that levels off
# far above zero and jumps from batch to batch because time and noise are drawn anew, the last
# layer starts at zero
import argparse
import copy
import math

import torch
import torch.nn.functional as F
from torch import nn

T = 50


def spiral(n, gen):
    r = torch.rand(n, generator=gen).sqrt() * 2 * math.pi + 1.0
    xy = torch.stack([r * r.cos(), r * r.sin()], 1)
    return xy + 0.1 * torch.randn(n, 2, generator=gen)


class Denoiser(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.register_buffer("freq", 2.0 ** torch.arange(4) * math.pi / 2)
        self.inp = nn.Linear(2 + 8, width)
        self.mid = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.out = nn.Linear(width, 2)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, x, t):
        phase = t[:, None] / T * self.freq
        h = F.silu(self.inp(torch.cat([x, phase.sin(), phase.cos()], 1)))
        for layer in self.mid:
            h = h + F.silu(layer(h))
        return self.out(h)


beta = torch.linspace(1e-3, 0.15, T)
alpha_bar = torch.cumprod(1 - beta, 0)


def noised(x, t, eps):
    a = alpha_bar[t][:, None]
    return a.sqrt() * x + (1 - a).sqrt() * eps


@torch.no_grad()
def sample(net, n, gen):
    x = torch.randn(n, 2, generator=gen)
    for t in reversed(range(T)):
        eps = net(x, torch.full((n,), t))
        x = (x - beta[t] / (1 - alpha_bar[t]).sqrt() * eps) / (1 - beta[t]).sqrt()
        if t:
            x = x + beta[t].sqrt() * torch.randn(n, 2, generator=gen)
    return x


def main(seed):
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(seed + 1)
    data = spiral(5000, gen)
    data = (data - data.mean(0)) / data.std(0)
    train, val = data[:4000], data[4000:]
    vt, veps = torch.randint(T, (1000,), generator=gen), torch.randn(1000, 2, generator=gen)
    net = Denoiser()
    ema = copy.deepcopy(net).requires_grad_(False)
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    epochs, batch = 40, 250
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs * (4000 // batch), 1e-4)
    for epoch in range(epochs):
        total = 0.0
        for idx in torch.randperm(len(train)).split(batch):
            t, eps = torch.randint(T, (len(idx),)), torch.randn(len(idx), 2)
            loss = F.mse_loss(net(noised(train[idx], t, eps), t), eps)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            total += loss.item() * len(idx)
            with torch.no_grad():
                for p, q in zip(ema.parameters(), net.parameters(), strict=True):
                    p.lerp_(q, 0.02)
        if (epoch + 1) % 10 == 0:
            with torch.no_grad():
                v = F.mse_loss(ema(noised(val, vt, veps), vt), veps)
            print(f"epoch {epoch + 1} train {total / len(train):.4f} val {v:.4f}")
    near = torch.cdist(sample(ema, 500, gen), val).min(1).values.mean()
    far = torch.cdist(torch.randn(500, 2, generator=gen), val).min(1).values.mean()
    print(f"sample to nearest held-out point {near:.3f}, plain noise {far:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
