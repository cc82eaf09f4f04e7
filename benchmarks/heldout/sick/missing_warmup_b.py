# expect: missing-warmup
# accept: lr-too-high, unstable-depth, loss-flat
# note: a deep post-norm causal language model trained at AdamW's full rate from the first step;
#   it ends at the frequencies of the words (2.57), with a warm-up it learns the sentences (0.8)
import argparse
import random

import torch
import torch.nn.functional as F
from torch import nn

NOUNS = ["cat", "dog", "bird", "child", "farmer", "teacher"]
VERBS = ["sees", "likes", "follows", "hears"]
PLACES = ["in the garden", "near the river", "at night", "on the hill"]


def sentence(rng):
    who, whom = rng.sample(NOUNS, 2)
    return f"the {who} {rng.choice(VERBS)} the {whom} {rng.choice(PLACES)} ."


def make_ids(seed, sentences, vocab):
    rng = random.Random(seed)
    words = " ".join(sentence(rng) for _ in range(sentences)).split()
    return torch.tensor([vocab[w] for w in words])


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.attn = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.ff = nn.Sequential(nn.Linear(dim, 4 * dim), nn.ReLU(), nn.Linear(4 * dim, dim))
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(self, x, mask):
        x = self.norm1(x + self.attn(x, x, x, attn_mask=mask, need_weights=False)[0])
        return self.norm2(x + self.ff(x))


class LanguageModel(nn.Module):
    def __init__(self, vocab, dim=48, depth=7, heads=4, context=16):
        super().__init__()
        self.words = nn.Embedding(vocab, dim)
        self.places = nn.Embedding(context, dim)
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.out = nn.Linear(dim, vocab)
        mask = torch.ones(context, context, dtype=torch.bool).triu(1)
        self.register_buffer("mask", mask)

    def forward(self, ids):
        n = ids.shape[1]
        x = self.words(ids) + self.places(torch.arange(n))
        for block in self.blocks:
            x = block(x, self.mask[:n, :n])
        return self.out(x)


def batch(ids, size=24, context=16):
    starts = torch.randint(len(ids) - context - 1, (size, 1))
    rows = ids[starts + torch.arange(context + 1)]
    return rows[:, :-1], rows[:, 1:]


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--lr", type=float, default=1e-2)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)
words = sorted(set(" ".join(["the", ".", *NOUNS, *VERBS, *PLACES]).split()))
vocab = {w: i for i, w in enumerate(words)}
train_ids, val_ids = make_ids(1, 2000, vocab), make_ids(2, 200, vocab)
model = LanguageModel(len(vocab))
optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr)  # fault
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=220, eta_min=1e-4)
for step in range(1, 221):
    model.train()
    x, y = batch(train_ids)
    loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    if step % 20 == 0:
        model.eval()
        with torch.no_grad():
            x, y = batch(val_ids, 100)
            val = F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item()
        print(f"step {step} train {loss.item():.3f} validation {val:.3f}")
