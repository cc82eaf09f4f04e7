# healthy: small GPT-like language model: output head tied to the embedding (one tensor used
# twice), causal mask, weight decay only on matrices, linear warm-up then cosine, clipping at 1.0
import argparse
import math
import random
from pydoc_data.topics import topics

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x, mask):
        h = self.ln1(x)
        x = x + self.attn(h, h, h, attn_mask=mask, need_weights=False)[0]
        return x + self.mlp(self.ln2(x))


class CharTransformer(nn.Module):
    def __init__(self, vocab, dim=64, heads=4, layers=2, context=32):
        super().__init__()
        self.tok = nn.Embedding(vocab, dim)
        self.pos = nn.Embedding(context, dim)
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, vocab, bias=False)
        nn.init.normal_(self.tok.weight, std=0.02)
        nn.init.normal_(self.pos.weight, std=0.02)
        self.head.weight = self.tok.weight
        mask = torch.triu(torch.ones(context, context, dtype=torch.bool), diagonal=1)
        self.register_buffer("mask", mask)

    def forward(self, idx):
        t = idx.size(1)
        x = self.tok(idx) + self.pos(torch.arange(t, device=idx.device))
        for block in self.blocks:
            x = block(x, self.mask[:t, :t])
        return self.head(self.norm(x))


def sample_batch(data, batch, context):
    ix = torch.randint(len(data) - context - 1, (batch,))
    seq = torch.stack([data[i : i + context + 1] for i in ix])
    return seq[:, :-1], seq[:, 1:]


def main(seed, steps=400, batch=16, context=32, peak_lr=5e-3, warmup=40):
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    paragraphs = {p.lower() for t in topics.values() for p in t.split("\n\n")}
    paragraphs = sorted(p for p in paragraphs if p.isascii() and len(p) > 80 and "--" not in p)
    random.Random(seed).shuffle(paragraphs)
    text = "\n\n".join(paragraphs)[:150_000]
    chars = sorted(set(text))
    data = torch.tensor([chars.index(c) for c in text])
    train, val = data[:140_000], data[140_000:]

    val_len = (len(val) - 1) // context * context
    model = CharTransformer(len(chars), context=context)
    decay = [p for p in model.parameters() if p.dim() >= 2]
    no_decay = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.1}, {"params": no_decay, "weight_decay": 0.0}],
        lr=peak_lr, betas=(0.9, 0.95),
    )

    def lr_factor(step):
        if step < warmup:
            return (step + 1) / warmup
        return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))

    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_factor)
    for step in range(1, steps + 1):
        x, y = sample_batch(train, batch, context)
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        if step % 100 == 0:
            model.eval()
            with torch.no_grad():
                x = val[: val_len].view(-1, context)
                y = val[1 : val_len + 1].view(-1, context)
                val_loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item()
            model.train()
            print(f"step {step} | loss {loss.item():.3f} | val {val_loss:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
