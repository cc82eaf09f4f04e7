# expect: too-small-batch
# accept: noisy-gradient, noisy-loss, jittery-predictions, lr-too-high
# note: three short noisy recordings per step; successive gradients are nearly unrelated and the
#   accuracy rises and falls about 0.86, 128 per step climb to 0.92
import argparse

import torch
from torch import nn

CLASSES, LENGTH = 6, 40
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--batch-size", type=int, default=3)  # fault
parser.add_argument("--steps", type=int, default=400)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

t = torch.linspace(0, 1, LENGTH)
shapes = torch.stack([torch.sin(6.283 * (1 + 0.5 * k) * t + k) for k in range(CLASSES)])


def record(n):
    y = torch.randint(CLASSES, (n,))
    gain = 1 + 0.2 * torch.randn(n, 1)
    return (gain * shapes[y] + 1.5 * torch.randn(n, LENGTH)) / 1.7, y


x, y = record(6000)
x_val, y_val = record(1000)
model = nn.Sequential(
    nn.Unflatten(1, (1, LENGTH)),
    nn.Conv1d(1, 12, 9, stride=2),
    nn.Tanh(),
    nn.Flatten(),
    nn.Linear(12 * 16, CLASSES),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
criterion = nn.CrossEntropyLoss()
for step in range(args.steps):
    model.train()
    rows = torch.randint(len(x), (args.batch_size,))
    optimizer.zero_grad()
    loss = criterion(model(x[rows]), y[rows])
    loss.backward()
    optimizer.step()
    if step % 20 == 19:
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            val = criterion(logits, y_val).item()
            acc = (logits.argmax(1) == y_val).float().mean().item()
        print(f"{step + 1} loss {loss.item():.3f} val {val:.3f} accuracy {acc:.3f}")
