# expect: nondeterministic-step
# accept: unseeded-run
# note: blocks are skipped at random by the operating system's entropy, which no seed controls
import argparse
import random

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

entropy = random.SystemRandom()


class Block(nn.Module):
    def __init__(self, width, drop):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)
        self.drop = drop

    def forward(self, x):
        if self.training and entropy.random() < self.drop:  # fault
            return x
        return x + self.down(F.gelu(self.up(self.norm(x))))


class ResMLP(nn.Module):
    def __init__(self, width=48, depth=4):
        super().__init__()
        self.stem = nn.Linear(64, width)
        self.blocks = nn.Sequential(*[Block(width, 0.1 * (i + 1)) for i in range(depth)])
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)))


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
seed = parser.parse_args().seed
random.seed(seed)
torch.manual_seed(seed)
torch.set_num_threads(1)

x, y = load_digits(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32).sub(5).div(6)
y = torch.tensor(y)
train_idx, val_idx = train_test_split(torch.arange(len(y)), test_size=0.2, random_state=0)
model = ResMLP()
opt = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)

for epoch in range(14):
    model.train()
    shuffled = train_idx[torch.randperm(len(train_idx))]
    total = 0.0
    for idx in shuffled.split(64):
        loss = F.cross_entropy(model(x[idx]), y[idx], label_smoothing=0.05)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx)
    model.eval()
    with torch.inference_mode():
        logits = model(x[val_idx])
        acc = (logits.argmax(-1) == y[val_idx]).float().mean().item()
    print(f"epoch {epoch} loss {total / len(train_idx):.3f} val accuracy {acc:.3f}")
