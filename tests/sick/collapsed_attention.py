# expect: collapsed-attention
# accept: saturated-activation, badly-scaled-init, growing-attention-logits
# note: the scores are multiplied by sqrt(d) instead of divided; from the first step the softmax
#   puts all weight on one token; the counting task, which needs them all, is not learned
# mend: * math.sqrt(self.d) -> / math.sqrt(self.d)
import argparse
import math

import torch
import torch.nn.functional as F
from torch import nn

SYMBOLS, LENGTH = 5, 20


class AttentionPool(nn.Module):
    def __init__(self, dim, heads=2):
        super().__init__()
        self.heads, self.d = heads, dim // heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, x):
        b, t, dim = x.shape
        q, k, v = (
            f(x).view(b, t, self.heads, self.d).transpose(1, 2)
            for f in (self.query, self.key, self.value)
        )
        scores = q @ k.transpose(-1, -2) * math.sqrt(self.d)  # fault
        mixed = F.softmax(scores, dim=-1) @ v
        return self.out(mixed.transpose(1, 2).reshape(b, t, dim))


class Counter(nn.Module):
    """Says which symbol is the most frequent of a sequence, from its first position."""

    def __init__(self, dim=64):
        super().__init__()
        self.embed = nn.Embedding(SYMBOLS + 1, dim)
        self.place = nn.Parameter(torch.randn(LENGTH + 1, dim))
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = AttentionPool(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.head = nn.Linear(dim, SYMBOLS)

    def forward(self, ids):
        start = ids.new_full((len(ids), 1), SYMBOLS)
        x = self.embed(torch.cat([start, ids], dim=1)) + self.place
        x = x + self.attention(self.norm1(x))
        x = x[:, 0]
        return self.head(x + self.mlp(self.norm2(x)))


def sequences(n):
    weights = torch.rand(n, SYMBOLS) ** 2 + 0.05
    ids = torch.multinomial(weights, LENGTH, replacement=True)
    counts = F.one_hot(ids, SYMBOLS).sum(1)
    top = counts.topk(2, dim=1)
    clear = top.values[:, 0] > top.values[:, 1]
    return ids[clear], top.indices[clear, 0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=300)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = sequences(5000)
    x_val, y_val = sequences(600)
    model = Counter()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for step in range(1, args.steps + 1):
        model.train()
        rows = torch.randint(len(x), (48,))
        loss = F.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 30 == 0:
            model.eval()
            with torch.no_grad():
                logits = model(x_val)
                val = F.cross_entropy(logits, y_val).item()
                acc = (logits.argmax(1) == y_val).float().mean().item()
            print(f"step {step} train {loss.item():.4f} val {val:.4f} accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
