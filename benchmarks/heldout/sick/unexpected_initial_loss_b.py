# expect: unexpected-initial-loss
# accept: badly-scaled-init
# note: the output layer shares an embedding table drawn from N(0, 1): first loss far above ln 27
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from torch import nn


class TinyTransformer(nn.Module):
    def __init__(self, vocab, dim=48, heads=4, block=24):
        super().__init__()
        self.tokens = nn.Embedding(vocab, dim)  # fault
        self.positions = nn.Parameter(0.02 * torch.randn(block, dim))
        self.layer = nn.TransformerEncoderLayer(
            dim, heads, 2 * dim, dropout=0.0, batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(dim)
        mask = torch.full((block, block), float("-inf")).triu(1)
        self.register_buffer("mask", mask)

    def forward(self, ids):
        t = ids.shape[1]
        h = self.tokens(ids) + self.positions[:t]
        h = self.layer(h, src_mask=self.mask[:t, :t])
        return self.norm(h) @ self.tokens.weight.T  # fault


def corpus():
    loaders = (load_wine, load_breast_cancer, load_diabetes, load_digits)
    text = " ".join(load().DESCR for load in loaders).lower()
    text = " ".join("".join(c if c.isalpha() else " " for c in text).split())
    chars = sorted(set(text))
    ids = torch.tensor([chars.index(c) for c in text])
    return ids, len(chars)


def sample(ids, size, block=24):
    at = torch.randint(len(ids) - block - 1, (size, 1)) + torch.arange(block + 1)
    window = ids[at]
    return window[:, :-1], window[:, 1:]


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--steps", type=int, default=300)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)
ids, vocab = corpus()
cut = int(0.9 * len(ids))
model = TinyTransformer(vocab)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
val_x, val_y = sample(ids[cut:], 64)
print(f"{vocab} characters, {sum(p.numel() for p in model.parameters())} parameters")
for step in range(args.steps):
    model.train()
    x, y = sample(ids[:cut], 24)
    loss = F.cross_entropy(model(x).transpose(1, 2), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 0 or step == args.steps - 1:
        model.eval()
        with torch.no_grad():
            val = F.cross_entropy(model(val_x).transpose(1, 2), val_y)
        print(f"step {step:3d}: train {loss.item():.4f} val {val.item():.4f}")
