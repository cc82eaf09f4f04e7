# healthy: mixture of experts with top-1 routing: an expert that gets no sample in a batch has no
# gradient, and a balance term is added to the loss
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F


class Expert(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))

    def forward(self, x):
        return self.net(x)


class SwitchLayer(nn.Module):
    def __init__(self, dim, n_experts, hidden=32):
        super().__init__()
        self.router = nn.Linear(dim, n_experts)
        self.experts = nn.ModuleList(Expert(dim, hidden) for _ in range(n_experts))
        self.balance = torch.zeros(())

    def forward(self, x):
        gate = self.router(x).softmax(dim=-1)
        weight, choice = gate.max(dim=-1)
        out = torch.zeros_like(x)
        for k, expert in enumerate(self.experts):
            where = (choice == k).nonzero().squeeze(1)
            if len(where):
                out = out.index_copy(0, where, expert(x[where]))
        share = F.one_hot(choice, len(self.experts)).float().mean(0)
        self.balance = len(self.experts) * (share * gate.mean(0)).sum()
        return x + weight.unsqueeze(1) * out


class Net(nn.Module):
    def __init__(self, n_in, dim=32, n_experts=4):
        super().__init__()
        self.embed = nn.Linear(n_in, dim)
        self.moe = SwitchLayer(dim, n_experts)
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 1))

    def forward(self, x):
        return self.head(self.moe(torch.tanh(self.embed(x)))).squeeze(1)


def piecewise(n, gen):
    x = torch.randn(n, 4, generator=gen)
    region = (x[:, 0] > 0).long() * 2 + (x[:, 1] > 0).long()
    surfaces = torch.stack([
        torch.sin(2 * x[:, 2]), x[:, 3] - 1, x[:, 2] * x[:, 3], 1 + 0.5 * x[:, 2] ** 2
    ])
    y = surfaces[region, torch.arange(n)]
    return x, (y + 0.1 * torch.randn(n, generator=gen) - 0.2) / 1.2


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--balance", type=float, default=0.01)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(a.seed)
    x, y = piecewise(4000, gen)
    x_val, y_val = piecewise(800, gen)
    net = Net(4)
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 10 * 50)
    for epoch in range(10):
        net.train()
        total = 0.0
        for idx in torch.randperm(4000).split(80):
            mse = F.mse_loss(net(x[idx]), y[idx])
            loss = mse + a.balance * net.moe.balance
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            total += mse.item() * len(idx)
        net.eval()
        with torch.no_grad():
            val = F.mse_loss(net(x_val), y_val).item()
            used = net.moe.router(torch.tanh(net.embed(x_val))).argmax(1).bincount(minlength=4)
        print(f"epoch {epoch} train {total / 4000:.4f} val {val:.4f} "
              f"R2 {1 - val / y_val.var().item():.3f} experts {used.tolist()}")


if __name__ == "__main__":
    main()
