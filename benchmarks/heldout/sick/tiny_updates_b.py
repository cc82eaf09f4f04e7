# expect: lr-too-low
# accept: tiny-updates, loss-flat, misstepped-scheduler, stopped-early
# note: a linear warm-up over 200 000 steps in a run of 500; the rate never leaves a few millionths and
#   the updates are a hundred-thousandth of the weights
import argparse
import random

import torch
from torch import nn

ROOTS = ["walk", "talk", "jump", "play", "work", "look", "call", "help", "turn", "paint"]
FORMS = {"": 0, "s": 0, "ed": 1, "ing": 2}
PREFIXES = ["", "re", "un", "over", "out"]


def words(rng, n):
    rows, labels = [], []
    for _ in range(n):
        ending = rng.choice(list(FORMS))
        word = rng.choice(PREFIXES) + rng.choice(ROOTS) + ending
        rows.append([ord(c) - 96 for c in word.rjust(12, "`")])
        labels.append(FORMS[ending])
    return torch.tensor(rows), torch.tensor(labels)


class Tense(nn.Module):
    def __init__(self, dim=16, channels=32):
        super().__init__()
        self.letters = nn.Embedding(27, dim, padding_idx=0)
        self.conv = nn.Conv1d(dim, channels, kernel_size=3, padding=1)
        self.out = nn.Linear(channels, 3)

    def forward(self, ids):
        x = self.letters(ids).transpose(1, 2)
        return self.out(torch.relu(self.conv(x)).amax(dim=-1))


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--warmup", type=int, default=200_000)  # fault
parser.add_argument("--steps", type=int, default=500)
args = parser.parse_args()
rng = random.Random(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(1)
x, y = words(rng, 2000)
x_val, y_val = words(rng, 400)
model = Tense()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.LinearLR(  # fault
    optimizer, start_factor=1e-4, total_iters=args.warmup
)
criterion = nn.CrossEntropyLoss()
for step in range(1, args.steps + 1):
    model.train()
    rows = torch.randint(len(x), (32,))
    loss = criterion(model(x[rows]), y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 50 == 0:
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            acc = (logits.argmax(1) == y_val).float().mean().item()
            val = criterion(logits, y_val).item()
        print(f"step {step} loss {loss.item():.4f} val {val:.4f} accuracy {acc:.3f}")
