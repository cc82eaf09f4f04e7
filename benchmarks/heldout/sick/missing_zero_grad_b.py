# expect: missing-zero-grad
# note: zero_grad is called once per epoch, outside the loop over batches, while step runs on every
#       batch: within an epoch the gradients pile up and the steps grow
import argparse
import random

import torch
import torch.nn.functional as F
from torch import nn

ONSETS = ["b", "br", "d", "f", "gl", "k", "m", "p", "st", "t", "v", "z"]
VOWELS = ["a", "e", "i", "o", "ou"]
ENDS = ["n", "r", "s", "l", ""]
CHARS = ".abcdefghijklmnopqrstuvwxyz"
CONTEXT = 4


def planet_name(rng):
    n = rng.choice([2, 2, 3])
    return "".join(rng.choice(ONSETS) + rng.choice(VOWELS) for _ in range(n)) + rng.choice(ENDS)


def examples(names):
    xs, ys = [], []
    for name in names:
        window = [0] * CONTEXT
        for c in name + ".":
            k = CHARS.index(c)
            xs.append(window)
            ys.append(k)
            window = window[1:] + [k]
    return torch.tensor(xs), torch.tensor(ys)


class NextChar(nn.Module):
    def __init__(self, dim=10, hidden=64):
        super().__init__()
        self.table = nn.Embedding(len(CHARS), dim)
        self.hidden = nn.Linear(CONTEXT * dim, hidden)
        self.logits = nn.Linear(hidden, len(CHARS))

    def forward(self, x):
        return self.logits(torch.tanh(self.hidden(self.table(x).flatten(1))))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    names = sorted({planet_name(rng) for _ in range(900)})
    rng.shuffle(names)
    x_train, y_train = examples(names[:-150])
    x_val, y_val = examples(names[-150:])
    model = NextChar()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.5)
    for epoch in range(8):
        model.train()
        optimizer.zero_grad()  # fault
        total, steps = 0.0, 0
        for idx in torch.randperm(len(x_train)).split(96):
            loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
            loss.backward()  # fault
            optimizer.step()
            total += loss.item()
            steps += 1
        model.eval()
        with torch.no_grad():
            val = F.cross_entropy(model(x_val), y_val).item()
        print(f"epoch {epoch}: {steps} steps, train {total / steps:.4f}, val {val:.4f}")


if __name__ == "__main__":
    main()
