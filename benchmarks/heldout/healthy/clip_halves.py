# healthy: two towers trained to match the upper and lower half of the same picture; the loss
# compares every sample with every other one in the batch and takes the softmax over rows and over
# columns
import argparse
import math

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class Tower(nn.Module):
    def __init__(self, dim=32, width=96):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(32, width), nn.LayerNorm(width), nn.GELU(),
            nn.Linear(width, width), nn.LayerNorm(width), nn.GELU(), nn.Dropout(0.1),
            nn.Linear(width, dim, bias=False),
        )  # fmt: skip

    def forward(self, x):
        return F.normalize(self.net(x), dim=-1)


class TwoTower(nn.Module):
    def __init__(self):
        super().__init__()
        self.top, self.bottom = Tower(), Tower()
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.2)))

    def forward(self, a, b):
        scale = self.logit_scale.clamp(max=math.log(50)).exp()
        return scale * self.top(a) @ self.bottom(b).t()


def symmetric_loss(logits):
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.t(), own)) / 2


@torch.no_grad()
def evaluate(model, a, b, size=60):
    model.eval()
    losses, hits = [], []
    for i in range(0, len(a) // size * size, size):
        logits = model(a[i : i + size], b[i : i + size])
        losses.append(symmetric_loss(logits))
        best = logits.topk(5, dim=1).indices
        hits.append((best == torch.arange(size)[:, None]).any(1).float().mean())
    model.train()
    return torch.stack(losses).mean().item(), torch.stack(hits).mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    images = torch.tensor(load_digits().images, dtype=torch.float32)
    images = images[torch.randperm(len(images))]
    train, val = images[:1497], images[1497:]
    mean, std = train.mean(), train.std()
    train, val = (train - mean) / std, (val - mean) / std
    va, vb = val[:, :4].flatten(1), val[:, 4:].flatten(1)
    model = TwoTower()
    decay = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    opt = torch.optim.AdamW(groups, lr=1e-3)
    batch, epochs = 96, 25
    sched = torch.optim.lr_scheduler.OneCycleLR(
        opt, 2e-3, epochs=epochs, steps_per_epoch=len(train) // batch
    )
    print("before: loss {:.3f} recall@5 {:.3f}".format(*evaluate(model, va, vb)))
    for epoch in range(epochs):
        order = torch.randperm(len(train))
        for i in range(0, len(train) - batch + 1, batch):
            x = train[order[i : i + batch]] + 0.15 * torch.randn(batch, 8, 8)
            loss = symmetric_loss(model(x[:, :4].flatten(1), x[:, 4:].flatten(1)))
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
        if (epoch + 1) % 5 == 0:
            v, r = evaluate(model, va, vb)
            print(f"epoch {epoch + 1} loss {loss.item():.3f} val {v:.3f} recall@5 of 60 {r:.3f}")


if __name__ == "__main__":
    main()
