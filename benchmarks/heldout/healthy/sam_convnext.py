# healthy: small ConvNeXt-like net trained by sharpness-aware minimisation; two backward passes per
# step, the weights are pushed uphill by hand and put back, each block starts with a branch scaled
# down to 0.1
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Block(nn.Module):
    def __init__(self, ch):
        super().__init__()
        self.dw = nn.Conv2d(ch, ch, 3, padding=1, groups=ch)
        self.norm = nn.LayerNorm(ch)
        self.pw1, self.pw2 = nn.Linear(ch, 3 * ch), nn.Linear(3 * ch, ch)
        self.gamma = nn.Parameter(torch.full((ch,), 0.1))

    def forward(self, x):
        h = self.norm(self.dw(x).permute(0, 2, 3, 1))
        h = self.gamma * self.pw2(F.gelu(self.pw1(h)))
        return x + h.permute(0, 3, 1, 2)


class Net(nn.Module):
    def __init__(self, ch=20):
        super().__init__()
        self.stem = nn.Conv2d(1, ch, 3, 2, 1)
        self.blocks = nn.Sequential(Block(ch), Block(ch))
        self.norm = nn.LayerNorm(ch)
        self.head = nn.Linear(ch * 16, 10)

    def forward(self, x):
        h = self.blocks(self.stem(x))
        return self.head(self.norm(h.permute(0, 2, 3, 1)).flatten(1))


class SAM:
    def __init__(self, params, base, rho=0.05):
        self.params, self.base, self.rho = list(params), base, rho

    @torch.no_grad()
    def climb(self):
        norm = torch.stack([p.grad.norm() for p in self.params]).norm() + 1e-12
        self.offsets = [p.grad * (self.rho / norm) for p in self.params]
        for p, e in zip(self.params, self.offsets, strict=True):
            p.add_(e)
        self.base.zero_grad()

    @torch.no_grad()
    def descend(self):
        for p, e in zip(self.params, self.offsets, strict=True):
            p.sub_(e)
        self.base.step()
        self.base.zero_grad()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32)[:, None]
    y = torch.tensor(d.target)
    xt, xv, yt, yv = train_test_split(x, y, test_size=0.25, random_state=seed, stratify=y)
    mean, std = xt.mean(), xt.std()
    xt, xv = (xt - mean) / std, (xv - mean) / std
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    net = Net()
    base = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=0.02)
    sam, epochs = SAM(net.parameters(), base), 8
    sched = torch.optim.lr_scheduler.OneCycleLR(
        base, 5e-3, epochs=epochs, steps_per_epoch=len(loader), pct_start=0.2
    )
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for xb, yb in loader:
            loss = F.cross_entropy(net(xb), yb)
            loss.backward()
            sam.climb()
            F.cross_entropy(net(xb), yb).backward()
            sam.descend()
            sched.step()
            total += loss.item() * len(xb)
        net.eval()
        with torch.no_grad():
            logits = net(xv)
            v, acc = F.cross_entropy(logits, yv), (logits.argmax(1) == yv).float().mean()
        print(f"epoch {epoch} train {total / len(xt):.3f} val {v:.3f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
