# expect: misstepped-scheduler
# accept: lr-decays-early, tiny-updates
# note: a decay meant per epoch is stepped after every batch: the rate is gone within the
#   first epoch
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset


class MixerBlock(nn.Module):
    def __init__(self, tokens, dim):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.tok = nn.Sequential(nn.Linear(tokens, 16), nn.GELU(), nn.Linear(16, tokens))
        self.ch = nn.Sequential(nn.Linear(dim, 48), nn.GELU(), nn.Linear(48, dim))

    def forward(self, x):
        x = x + self.tok(self.n1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.ch(self.n2(x))


class Mixer(nn.Module):
    def __init__(self, dim=24, depth=2):
        super().__init__()
        self.stem = nn.Conv2d(1, dim, 2, stride=2)
        self.blocks = nn.Sequential(*[MixerBlock(16, dim) for _ in range(depth)])
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x).flatten(2).transpose(1, 2)).mean(1))


class Runner:
    def __init__(self, model, lr=3e-3):
        self.model = model
        self.opt = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
        self.sched = StepLR(self.opt, step_size=3, gamma=0.5)  # fault
        self.crit = nn.CrossEntropyLoss()

    def train_step(self, x, y):
        self.opt.zero_grad()
        loss = self.crit(self.model(x), y)
        loss.backward()
        self.opt.step()
        self.sched.step()  # fault
        return loss.item()

    def fit(self, train, val, epochs):
        for epoch in range(epochs):
            self.model.train()
            losses = [self.train_step(x, y) for x, y in train]
            self.model.eval()
            with torch.no_grad():
                hits = sum((self.model(x).argmax(1) == y).sum().item() for x, y in val)
            acc = hits / len(val.dataset)
            print(f"epoch {epoch} loss {sum(losses) / len(losses):.3f} val acc {acc:.3f}")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    torch.manual_seed(ap.parse_args().seed)
    torch.set_num_threads(1)
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
    data = TensorDataset(x, torch.tensor(d.target))
    train_set, val_set = torch.utils.data.random_split(data, [1400, 397])
    train = DataLoader(train_set, batch_size=40, shuffle=True)
    Runner(Mixer()).fit(train, DataLoader(val_set, batch_size=200), epochs=8)


if __name__ == "__main__":
    main()
