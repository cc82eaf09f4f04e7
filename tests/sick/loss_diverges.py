# expect: unreduced-loss
# accept: loss-diverges, lr-too-high, exploding-gradient, huge-updates, loss-flat
# note: the losses of the batch are summed, with a rate meant for the mean; the steps are 64 times
#   too long, the loss climbs far above its first value and stays there
# mend: nn.CrossEntropyLoss(reduction="sum") -> nn.CrossEntropyLoss()
# mend: total += loss.item() -> total += loss.item() * len(rows)
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser(description="digits with plain tensors")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--lr", type=float, default=0.1)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

digits = load_digits()
inputs = (torch.tensor(digits.data, dtype=torch.float32) - 4.88) / 6.02
labels = torch.tensor(digits.target)
order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(9))
train, val = order[:1400], order[1400:]


def layer(n_in, n_out):
    weight = torch.randn(n_in, n_out) * n_in**-0.5
    return weight.requires_grad_(), torch.zeros(n_out, requires_grad=True)


params = [*layer(64, 80), *layer(80, 80), *layer(80, 10)]


def forward(x):
    w1, b1, w2, b2, w3, b3 = params
    h = torch.tanh(x @ w1 + b1)
    h = torch.tanh(h @ w2 + b2)
    return h @ w3 + b3


optimizer = torch.optim.SGD(params, lr=args.lr, momentum=0.5)
criterion = nn.CrossEntropyLoss(reduction="sum")  # fault
for epoch in range(12):
    total = 0.0
    for rows in train[torch.randperm(len(train))].split(64):
        loss = criterion(forward(inputs[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    with torch.no_grad():
        logits = forward(inputs[val])
        val_loss = F.cross_entropy(logits, labels[val]).item()
        accuracy = (logits.argmax(1) == labels[val]).float().mean().item()
    print(f"epoch {epoch} train {total / len(train):.3f} val {val_loss:.3f} acc {accuracy:.3f}")
