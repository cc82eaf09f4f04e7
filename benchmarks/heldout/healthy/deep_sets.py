# healthy: permutation-invariant set regression; sets are padded to the longest of the batch, a
# masked sum and a max with -inf pool them, and the standardised target comes back through a fixed
# scale at evaluation
import argparse

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Clouds(Dataset):
    """Sets of weighted points; the target is their weighted scatter around the centre."""

    def __init__(self, n, gen):
        self.sets, self.targets = [], []
        for _ in range(n):
            k = int(torch.randint(3, 11, (1,), generator=gen))
            spread = 0.3 + 1.4 * torch.rand(1, 2, generator=gen)
            pts = torch.randn(k, 2, generator=gen) * spread
            pts = pts + 0.5 * torch.randn(1, 2, generator=gen)
            self.sets.append(pts)
            self.targets.append((pts - pts.mean(0)).norm(dim=1).mean())

    def __len__(self):
        return len(self.sets)

    def __getitem__(self, i):
        return self.sets[i], self.targets[i]


def collate(batch):
    sets, targets = zip(*batch, strict=True)
    width = max(len(s) for s in sets)
    x = torch.stack([F.pad(s, (0, 0, 0, width - len(s))) for s in sets])
    mask = torch.stack([torch.arange(width) < len(s) for s in sets])
    return x, mask, torch.stack(targets)


class DeepSets(nn.Module):
    def __init__(self, dim=48):
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(2, dim), nn.ReLU(), nn.Linear(dim, dim), nn.ReLU())
        self.rho = nn.Sequential(nn.Linear(2 * dim, dim), nn.ReLU(), nn.Linear(dim, 1))

    def forward(self, x, mask):
        h = self.phi(x)
        mean = (h * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        top = h.masked_fill(~mask[..., None], float("-inf")).amax(1)
        return self.rho(torch.cat([mean, top], 1)).squeeze(1)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(seed)
    train, val = Clouds(3000, gen), Clouds(500, gen)
    y = torch.stack(train.targets)
    mu, sigma = y.mean(), y.std()
    pooled = torch.cat(train.sets)
    centre, scale = pooled.mean(0), pooled.std(0)
    loader = DataLoader(train, batch_size=64, shuffle=True, collate_fn=collate)
    val_loader = DataLoader(val, batch_size=250, collate_fn=collate)
    model = DeepSets()
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 12, eta_min=1e-4)
    for epoch in range(12):
        model.train()
        total = 0.0
        for x, mask, t in loader:
            x = (x - centre) / scale
            loss = F.smooth_l1_loss(model(x, mask), (t - mu) / sigma)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(t)
        sched.step()
        model.eval()
        pred, true = [], []
        with torch.no_grad():
            for x, mask, t in val_loader:
                pred.append(model((x - centre) / scale, mask) * sigma + mu)
                true.append(t)
        pred, true = torch.cat(pred), torch.cat(true)
        r2 = 1 - ((pred - true) ** 2).mean() / true.var(unbiased=False)
        print(f"epoch {epoch} train {total / len(train):.4f} val R2 {r2:.4f}")


if __name__ == "__main__":
    main()
