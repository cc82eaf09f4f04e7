# expect: batch-mixing
# note: (T, N, D) is viewed as (N, T * D) without moving the axes back, so rows of different
#   samples are mixed
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class PatchNet(nn.Module):
    def __init__(self, dim=24, classes=10):
        super().__init__()
        self.embed = nn.Linear(16, dim)
        self.rnn = nn.GRU(dim, dim)
        self.fc = nn.Linear(4 * dim, classes)

    def forward(self, images):
        n = images.size(0)
        patches = F.unfold(images, kernel_size=4, stride=4)
        tokens = self.embed(patches.permute(2, 0, 1))
        states, _ = self.rnn(tokens)
        return self.fc(states.reshape(n, -1))  # fault


def load():
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16
    return (x - 0.3) / 0.37, torch.tensor(d.target)


def evaluate(net, x, y):
    net.eval()
    with torch.no_grad():
        out = torch.cat([net(b) for b in x.split(90)])
    return F.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    torch.set_num_threads(1)
    x, y = load()
    order = torch.randperm(len(x))
    train_idx, val_idx = order[:1437], order[1437:]
    net = PatchNet()
    opt = torch.optim.RMSprop(net.parameters(), lr=2e-3)
    for epoch in range(9):
        net.train()
        losses = []
        for idx in train_idx[torch.randperm(len(train_idx))].split(32):
            loss = F.cross_entropy(net(x[idx]), y[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            losses.append(loss.item())
        vl, va = evaluate(net, x[val_idx], y[val_idx])
        print(f"{epoch} train {sum(losses) / len(losses):.3f} val {vl:.3f} acc {va:.3f}")


main()
