# healthy: masked autoencoder, then a linear probe on the frozen encoder; loss on hidden
#   patches only, target comes from input
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


def patchify(images):
    return F.unfold(images, 2, stride=2).transpose(1, 2)


class MAE(nn.Module):
    def __init__(self, d=32):
        super().__init__()
        self.inp = nn.Linear(4, d)
        self.pos = nn.Parameter(0.1 * torch.randn(16, d))
        self.blank = nn.Parameter(torch.zeros(d))
        layer = nn.TransformerEncoderLayer(d, 4, 64, 0.0, batch_first=True, norm_first=True)
        self.enc = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.rec = nn.Linear(d, 4)

    def encode(self, p, hide=None):
        h = self.inp(p)
        if hide is not None:
            h = torch.where(hide[..., None], self.blank, h)
        return self.enc(h + self.pos)

    def forward(self, p, hide):
        out = self.rec(self.encode(p, hide))
        return ((out - p) ** 2)[hide].mean()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    torch.set_num_threads(1)
    d = load_digits()
    x = patchify(torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 8 - 1)
    y = torch.tensor(d.target)
    order = torch.randperm(len(x))
    tr, va = order[:1400], order[1400:]
    model = MAE()
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for epoch in range(8):
        model.train()
        tot = 0.0
        for idx in tr[torch.randperm(len(tr))].split(56):
            loss = model(x[idx], torch.rand(len(idx), 16) < 0.4)
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item()
        model.eval()
        with torch.no_grad():
            v = model(x[va], torch.rand(len(va), 16) < 0.4).item()
        print(f"pretrain {epoch} hidden mse {tot / 25:.3f} val {v:.3f}")
    model.requires_grad_(False)
    feats = model.encode(x).flatten(1)
    probe = nn.Sequential(nn.LayerNorm(512), nn.Linear(512, 10))
    opt = torch.optim.Adam(probe.parameters(), lr=3e-3)
    for epoch in range(6):
        for idx in tr[torch.randperm(len(tr))].split(56):
            loss = F.cross_entropy(probe(feats[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
        acc = (probe(feats[va]).argmax(1) == y[va]).float().mean().item()
        print(f"probe {epoch} loss {loss.item():.3f} val acc {acc:.3f}")


main()
