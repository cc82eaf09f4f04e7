# healthy: LSTM language model with truncated back-propagation; contiguous streams in a fixed
# order, the state is carried over from batch to batch and detached, as in the classic word-level
# recipe
import argparse
import math

import numpy as np
import torch
from torch import nn

p = argparse.ArgumentParser()
p.add_argument("--seed", type=int, default=0)
p.add_argument("--bptt", type=int, default=20)
a = p.parse_args()
torch.manual_seed(a.seed)
rng = np.random.default_rng(a.seed)
torch.set_num_threads(1)


def brackets(n):
    """Random well-nested brackets of three kinds with letters between them."""
    out, stack = [], []
    while len(out) < n:
        r = rng.random()
        if r < 0.3 and len(stack) < 3:
            kind = int(rng.integers(3))
            stack.append(kind)
            out.append(kind)
        elif r < 0.6 and stack:
            out.append(3 + stack.pop())
        else:
            depth = len(stack)
            out.append(6 + depth if rng.random() < 0.8 else 10 + int(rng.integers(2)))
    return torch.tensor(out[:n])


def batchify(ids, width):
    n = len(ids) // width
    return ids[: n * width].view(width, n).t().contiguous()


class Model(nn.Module):
    def __init__(self, vocab=12, dim=48):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim)
        self.rnn = nn.LSTM(dim, dim)
        self.drop = nn.Dropout(0.1)
        self.out = nn.Linear(dim, vocab)

    def forward(self, x, state=None):
        h, state = self.rnn(self.emb(x), state)
        return self.out(self.drop(h)), state


def repackage(state):
    return tuple(s.detach() for s in state)


train, val = batchify(brackets(24000), 20), batchify(brackets(3000), 5)
model = Model()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 4, 0.5)


@torch.no_grad()
def evaluate():
    model.eval()
    total, count, state = 0.0, 0, None
    for i in range(0, len(val) - 1, a.bptt):
        n = min(a.bptt, len(val) - 1 - i)
        logits, state = model(val[i : i + n], state)
        target = val[i + 1 : i + 1 + n].flatten()
        total += criterion(logits.flatten(0, 1), target).item() * len(target)
        count += len(target)
    return total / count


for epoch in range(8):
    model.train()
    state, seen, running = None, 0, 0.0
    for i in range(0, len(train) - 1, a.bptt):
        n = min(a.bptt, len(train) - 1 - i)
        if state is not None:
            state = repackage(state)
        logits, state = model(train[i : i + n], state)
        loss = criterion(logits.flatten(0, 1), train[i + 1 : i + 1 + n].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        running += loss.item() * n
        seen += n
    scheduler.step()
    v = evaluate()
    print(f"epoch {epoch} train {running / seen:.3f} val {v:.3f} ppl {math.exp(v):.2f}")
