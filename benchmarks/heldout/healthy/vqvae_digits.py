# healthy: vector-quantised autoencoder; straight-through copy, code book kept as buffers and moved
# by running averages outside the optimizer, target is the input itself, sigmoid feeds a plain
# squared error
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Quantiser(nn.Module):
    def __init__(self, codes=48, dim=8, decay=0.9):
        super().__init__()
        self.decay = decay
        self.register_buffer("book", torch.randn(codes, dim))
        self.register_buffer("count", torch.ones(codes))
        self.register_buffer("total", self.book.clone())

    def forward(self, z):
        flat = z.permute(0, 2, 3, 1)
        ids = torch.cdist(flat.reshape(-1, flat.shape[-1]), self.book).argmin(1)
        q = self.book[ids].view_as(flat).permute(0, 3, 1, 2)
        if self.training:
            self.update(flat.detach().reshape(-1, flat.shape[-1]), ids)
        commit = F.mse_loss(z, q.detach())
        return z + (q - z).detach(), commit, ids

    @torch.no_grad()
    def update(self, flat, ids):
        hot = F.one_hot(ids, len(self.book)).to(flat)
        self.count.lerp_(hot.sum(0), 1 - self.decay)
        self.total.lerp_(hot.t() @ flat, 1 - self.decay)
        rare = self.count < 0.3
        self.book.copy_(self.total / self.count.clamp_min(1e-3)[:, None])
        if rare.any():
            pick = flat[torch.randint(len(flat), (int(rare.sum()),))]
            self.book[rare], self.total[rare], self.count[rare] = pick, pick, 1.0


class VQVAE(nn.Module):
    def __init__(self, ch=48):
        super().__init__()
        self.enc = nn.Sequential(
            nn.Conv2d(1, ch, 2, 2), nn.GELU(),
            nn.Conv2d(ch, ch, 3, padding=1), nn.GELU(), nn.Conv2d(ch, 8, 1),
        )  # fmt: skip
        self.vq = Quantiser()
        self.dec = nn.Sequential(
            nn.Conv2d(8, ch, 3, padding=1), nn.GELU(), nn.Conv2d(ch, ch, 1), nn.GELU(),
            nn.Conv2d(ch, 4, 1), nn.PixelShuffle(2), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x):
        z, commit, ids = self.vq(self.enc(x))
        return self.dec(z), commit, ids


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    images = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 16
    tr, va = train_test_split(images, test_size=0.2, random_state=seed)
    loader = DataLoader(TensorDataset(tr), batch_size=64, shuffle=True)
    model = VQVAE()
    opt = torch.optim.Adam(model.parameters(), lr=4e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 12 * len(loader), eta_min=2e-4)
    base = F.mse_loss(tr.mean(0).expand_as(va), va).item()
    for epoch in range(12):
        model.train()
        for (x,) in loader:
            rec, commit, _ = model(x)
            loss = F.mse_loss(rec, x) + 0.02 * commit
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
        model.eval()
        with torch.no_grad():
            rec, commit, ids = model(va)
            err = F.mse_loss(rec, va).item()
        used = len(ids.unique())
        print(f"epoch {epoch} val mse {err:.4f} (mean image {base:.4f}) codes in use {used}")


if __name__ == "__main__":
    main()
