# expect: lr-too-high
# accept: jittery-predictions, wrong-momentum, huge-updates, noisy-loss, loss-spikes
# note: a rate of 0.25 with momentum 0.9; the net learns something but the class of a fixed image
#   flips back and forth from step to step and the validation accuracy jumps by ten points
# mend: default=0.25 -> default=0.025
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--lr", type=float, default=0.25)  # fault
parser.add_argument("--momentum", type=float, default=0.9)
parser.add_argument("--steps", type=int, default=500)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

digits = load_digits()
x = (torch.tensor(digits.data, dtype=torch.float32) - 4.88) / 6.02
y = torch.tensor(digits.target)
order = torch.randperm(len(y), generator=torch.Generator().manual_seed(44))
x_train, y_train = x[order[:1437]], y[order[:1437]]
x_val, y_val = x[order[1437:]], y[order[1437:]]

model = nn.Sequential(nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, 32), nn.Tanh(), nn.Linear(32, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=args.momentum)  # fault
for step in range(1, args.steps + 1):
    model.train()
    rows = torch.randint(len(x_train), (24,))
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x_train[rows]), y_train[rows])
    loss.backward()
    optimizer.step()
    if step % 25 == 0:
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            val_loss = F.cross_entropy(logits, y_val).item()
            acc = (logits.argmax(1) == y_val).float().mean().item()
        print(f"step {step} loss {loss.item():.4f} val {val_loss:.4f} acc {acc:.3f}")
