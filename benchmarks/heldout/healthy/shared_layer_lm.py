# healthy: language model that applies one transformer block twice (weights shared on purpose, as
# ALBERT does) with a hand-written lower-triangular mask and a square-root warm-up schedule
import argparse
import random
import re
from pydoc_data import topics

import torch
from torch import nn
from torch.nn import functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--context", type=int, default=32)
parser.add_argument("--epochs", type=int, default=4)
opt = parser.parse_args()
torch.manual_seed(opt.seed)
torch.set_num_threads(1)


def load_corpus(max_chars):
    sentences = set()
    for page in topics.topics.values():
        flat = re.sub(r"[^a-z .,]", " ", page.lower())
        sentences.update(s.strip() for s in re.sub(r" +", " ", flat).split(". ") if len(s) > 40)
    ordered = sorted(sentences)
    random.Random(opt.seed).shuffle(ordered)
    return ". ".join(ordered)[:max_chars]


class SharedBlock(nn.Module):
    def __init__(self, dim, heads, context):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.proj = (nn.Linear(dim, dim) for _ in range(4))
        self.ff = nn.Sequential(nn.Linear(dim, 3 * dim), nn.ReLU(), nn.Linear(3 * dim, dim))
        self.ln1, self.ln2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.register_buffer("tril", torch.tril(torch.ones(context, context)))

    def forward(self, x):
        b, t, d = x.shape
        h = self.ln1(x)
        q, k, v = (f(h).view(b, t, self.heads, d // self.heads).transpose(1, 2)
                   for f in (self.query, self.key, self.value))
        scores = q @ k.transpose(-2, -1) / (d // self.heads) ** 0.5
        scores = scores.masked_fill(self.tril[:t, :t] == 0, float("-inf"))
        x = x + self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, d))
        return x + self.ff(self.ln2(x))


class RecurrentDepthLM(nn.Module):
    def __init__(self, vocab, context, dim=48, heads=4, repeats=2):
        super().__init__()
        self.repeats = repeats
        self.tokens, self.positions = nn.Embedding(vocab, dim), nn.Embedding(context, dim)
        self.block = SharedBlock(dim, heads, context)
        self.out = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, vocab))

    def forward(self, idx):
        h = self.tokens(idx) + self.positions.weight[: idx.size(1)]
        for _ in range(self.repeats):
            h = self.block(h)
        return self.out(h)


text = load_corpus(90_000)
vocab = sorted(set(text))
ids = torch.tensor([vocab.index(c) for c in text])
chunks = ids[: len(ids) // (opt.context + 1) * (opt.context + 1)].view(-1, opt.context + 1)
train, val = chunks[:-250], chunks[-250:]
model = RecurrentDepthLM(len(vocab), opt.context)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, betas=(0.9, 0.98))
noam = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda s: min((s + 1) ** -0.5, (s + 1) * 40**-1.5) * 3
)
for epoch in range(opt.epochs):
    total = 0.0
    for batch in train[torch.randperm(len(train))].split(24):
        loss = F.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        noam.step()
        total += loss.item() * len(batch)
    with torch.no_grad():
        val_loss = F.cross_entropy(model(val[:, :-1]).flatten(0, 1), val[:, 1:].flatten()).item()
    print(f"epoch {epoch} train {total / len(train):.4f} val {val_loss:.4f}")
