# healthy: sparse mixture of experts, each sample goes to one of four; unrouted experts get no
#   gradient in some steps
import argparse

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Expert(nn.Sequential):
    def __init__(self, d, h):
        super().__init__(nn.Linear(d, h), nn.ReLU(), nn.Linear(h, d))


class SparseMoE(nn.Module):
    def __init__(self, d=24, n=4):
        super().__init__()
        self.gate = nn.Linear(d, n)
        self.experts = nn.ModuleList(Expert(d, 32) for _ in range(n))
        self.balance = torch.zeros(())

    def forward(self, h):
        prob = self.gate(h).softmax(-1)
        top, choice = prob.max(-1)
        out = torch.zeros_like(h)
        for k, expert in enumerate(self.experts):
            rows = (choice == k).nonzero().flatten()
            if len(rows):
                out = out.index_add(0, rows, top[rows, None] * expert(h[rows]))
        share = F.one_hot(choice, len(self.experts)).float().mean(0)
        self.balance = len(self.experts) * (share * prob.mean(0)).sum()
        return h + out


class Net(nn.Module):
    def __init__(self, d_in, classes):
        super().__init__()
        self.inp = nn.Linear(d_in, 24)
        self.moe = SparseMoE()
        self.out = nn.Linear(24, classes)

    def forward(self, x):
        return self.out(self.moe(torch.tanh(self.inp(x))))


def regimes(n):
    x = torch.randn(n, 6)
    regime = (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0).long()
    w = torch.tensor([[1.0, 1, 0, 0], [0, 1, -1, 0], [0, 0, 1, 1], [-1, 0, 0, 1]])
    return x, ((x[:, 2:] * w[regime]).sum(1) > 0).long()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    torch.manual_seed(p.parse_args().seed)
    torch.set_num_threads(1)
    loader = DataLoader(TensorDataset(*regimes(3000)), batch_size=60, shuffle=True)
    xv, yv = regimes(800)
    net = Net(6, 2)
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    for epoch in range(10):
        net.train()
        tot = 0.0
        for x, y in loader:
            task = F.cross_entropy(net(x), y)
            loss = task + 0.01 * net.moe.balance
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += task.item()
        net.eval()
        with torch.no_grad():
            acc = (net(xv).argmax(1) == yv).float().mean().item()
        print(f"epoch {epoch} task {tot / len(loader):.3f} val acc {acc:.3f}")


main()
