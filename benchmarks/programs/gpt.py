"""Decoder-only transformer of 6 layers on sequences with a period, which it can learn."""

import argparse
import json
import time

import torch
import torch.nn.functional as F
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--size", choices=["small", "full"], default="full")
parser.add_argument("--warm-up", type=int, default=3)
args = parser.parse_args()
width, length, batch, steps = {"small": (128, 64, 8, 100), "full": (384, 256, 8, 30)}[args.size]
vocabulary = 64


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.project = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        b, t, c = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.project(attended.transpose(1, 2).reshape(b, t, c))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    def __init__(self, vocabulary, width, length, layers=6, heads=4):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


torch.manual_seed(0)
torch.set_num_threads(1)
motifs = torch.randint(0, vocabulary, (256, 8))
text = motifs.repeat(1, length // 8 + 1)[:, : length + 1]
model = GPT(vocabulary, width, length)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95))

times = []
while len(times) < steps:
    for chosen in torch.randperm(len(text)).split(batch):
        times.append(time.process_time())
        logits = model(text[chosen, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), text[chosen, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if len(times) == steps:
            break

seconds = [after - before for before, after in zip(times[args.warm_up :], times[args.warm_up + 1 :])]
print(json.dumps({"step_seconds": seconds, "loss": loss.item()}))
