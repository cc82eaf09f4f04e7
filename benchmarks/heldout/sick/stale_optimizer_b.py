# expect: stale-optimizer
# accept: parameters-not-in-optimizer
# note: after the learning-rate search the model is put back by deepcopy, but the optimizer still
#       holds the tensors of the old copy; the model that is trained and evaluated never changes
import argparse
import copy

import torch
from sklearn.datasets import make_friedman2
from torch import nn


class Surrogate(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.inp = nn.Linear(4, width)
        self.res1 = nn.Linear(width, width)
        self.res2 = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        h = torch.tanh(self.inp(x))
        h = h + torch.tanh(self.res1(h))
        h = h + torch.tanh(self.res2(h))
        return self.out(h)[:, 0]


def load(seed):
    x, y = make_friedman2(1200, noise=20.0, random_state=seed)
    x, y = torch.tensor(x), torch.tensor(y)
    x = ((x - x[:900].mean(0)) / x[:900].std(0)).float()
    y = ((y - y[:900].mean()) / y[:900].std()).float()
    return x[:900], y[:900], x[900:], y[900:]


def step(model, optimizer, x, y):
    loss = nn.functional.smooth_l1_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def search_lr(model, optimizer, x, y, low=1e-4, high=0.1, n=20):
    """Raises the learning rate step by step; returns a third of the one with the lowest loss."""
    best_lr, best = low, float("inf")
    for k in range(n):
        lr = low * (high / low) ** (k / (n - 1))
        for group in optimizer.param_groups:
            group["lr"] = lr
        idx = torch.randint(0, len(x), (64,))
        loss = step(model, optimizer, x[idx], y[idx])
        if loss < best:
            best_lr, best = lr, loss
    return best_lr / 3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x, y, x_val, y_val = load(args.seed)
    model = Surrogate()
    initial = copy.deepcopy(model)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)  # fault
    lr = search_lr(model, optimizer, x, y)
    print(f"suggested learning rate {lr:.2e}")

    model = copy.deepcopy(initial)  # fault
    for group in optimizer.param_groups:
        group["lr"] = min(lr, 3e-3)
    for epoch in range(20):
        model.train()
        losses = [step(model, optimizer, x[i], y[i]) for i in torch.randperm(len(x)).split(45)]
        model.eval()
        with torch.no_grad():
            r2 = 1 - ((model(x_val) - y_val).pow(2).mean() / y_val.var()).item()
        print(f"epoch {epoch:2d}  loss {sum(losses) / len(losses):.4f}  val r2 {r2:.4f}")


if __name__ == "__main__":
    main()
