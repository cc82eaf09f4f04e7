# healthy: sparse mixture of experts with top-2 routing; experts get no gradient from tokens that
# were sent elsewhere, and the balancing term is an average over the batch and so ties all samples
# together
import argparse

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Expert(nn.Sequential):
    def __init__(self, dim, hidden):
        super().__init__(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, dim))


class SparseMoE(nn.Module):
    def __init__(self, dim, experts=6, k=2, hidden=32):
        super().__init__()
        self.k = k
        self.gate = nn.Linear(dim, experts, bias=False)
        self.experts = nn.ModuleList(Expert(dim, hidden) for _ in range(experts))

    def forward(self, x):
        probs = self.gate(x).softmax(-1)
        weight, index = probs.topk(self.k, -1)
        weight = weight / weight.sum(-1, keepdim=True)
        out = torch.zeros_like(x)
        for e, expert in enumerate(self.experts):
            row, slot = (index == e).nonzero(as_tuple=True)
            if len(row):
                out.index_add_(0, row, weight[row, slot, None] * expert(x[row]))
        share = F.one_hot(index, len(self.experts)).float().sum(1).mean(0) / self.k
        balance = len(self.experts) * (share.detach() * probs.mean(0)).sum()
        return out, balance, share


class Net(nn.Module):
    def __init__(self, features, classes, dim=32):
        super().__init__()
        self.inp = nn.Linear(features, dim)
        self.norm = nn.LayerNorm(dim)
        self.moe = SparseMoE(dim)
        self.head = nn.Linear(dim, classes)

    def forward(self, x):
        h = self.inp(x)
        y, balance, share = self.moe(self.norm(h))
        return self.head(F.relu(h + y)), balance, share


def make(n, gen, centres):
    """Four regions of input space, each with its own rule for the label."""
    region = torch.randint(4, (n,), generator=gen)
    x = centres[region] + torch.randn(n, 8, generator=gen)
    rule = torch.stack([x[:, 0] * x[:, 1], x[:, 2] - x[:, 3], x[:, 4] * x[:, 0], x[:, 5] + x[:, 6]])
    score = rule[region, torch.arange(n)]
    return x, (score > -0.4).long() + (score > 0.4).long()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(args.seed)
    centres = 2.0 * torch.randn(4, 8, generator=gen)
    x, y = make(5000, gen, centres)
    xv, yv = make(1000, gen, centres)
    mean, std = x.mean(0), x.std(0)
    x, xv = (x - mean) / std, (xv - mean) / std
    loader = DataLoader(TensorDataset(x, y), batch_size=128, shuffle=True, drop_last=True)
    net = Net(8, 3)
    opt = torch.optim.Adam(net.parameters(), lr=4e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 12, eta_min=2e-4)
    for epoch in range(12):
        net.train()
        for xb, yb in loader:
            logits, balance, _ = net(xb)
            loss = F.cross_entropy(logits, yb) + 0.01 * balance
            opt.zero_grad()
            loss.backward()
            opt.step()
        sched.step()
        net.eval()
        with torch.no_grad():
            logits, balance, share = net(xv)
            v = F.cross_entropy(logits, yv).item()
            acc = (logits.argmax(1) == yv).float().mean().item()
        load = " ".join(f"{s:.2f}" for s in share)
        print(f"epoch {epoch} val loss {v:.3f} acc {acc:.3f} load {load}")


if __name__ == "__main__":
    main()
