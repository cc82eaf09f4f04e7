# healthy: decoder-only transformer with linear attention biases and no position embedding at all;
# tied input/output embedding, -inf in the scores, last layers of each block start at zero
import argparse
import math

import torch
import torch.nn.functional as F
from torch import nn


def make_text(n, gen):
    subj, verb = ["cat", "dog", "bird", "child", "king"], ["sees", "hears", "likes", "finds"]
    adj, obj = ["red", "small", "old", "quiet"], ["house", "tree", "river", "boat"]

    def pick(options):
        return options[int(torch.randint(len(options), (1,), generator=gen))]

    out = []
    for _ in range(n):
        s = [pick(["the", "a"]), pick(adj), pick(subj), pick(verb)]
        s += [pick(["the", "a", "no"]), pick(adj), pick(obj)]
        out.append(" ".join(s) + pick([". ", ", ", " and "]))
    return "".join(out)


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.n1, self.n2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.out = nn.Linear(d, d, bias=False)
        self.mlp = nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.mlp[2].weight)

    def forward(self, x, bias):
        b, t, d = x.shape
        q, k, v = self.qkv(self.n1(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        att = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias
        y = att.softmax(-1) @ v
        x = x + self.out(y.transpose(1, 2).reshape(b, t, d))
        return x + self.mlp(self.n2(x))


class LM(nn.Module):
    def __init__(self, vocab, d=48, heads=4, depth=2, block=40):
        super().__init__()
        self.emb = nn.Embedding(vocab, d)
        nn.init.normal_(self.emb.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(d, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, vocab, bias=False)
        self.head.weight = self.emb.weight
        slope = 2.0 ** (-8.0 / heads * torch.arange(1, heads + 1))
        pos = torch.arange(block)
        dist = (pos[:, None] - pos[None]).float()
        bias = (-slope[:, None, None] * dist).masked_fill(dist < 0, float("-inf"))
        self.register_buffer("bias", bias, persistent=False)

    def forward(self, idx):
        t = idx.shape[1]
        x = self.emb(idx)
        for block in self.blocks:
            x = block(x, self.bias[:, :t, :t])
        return self.head(self.norm(x))


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(args.seed)
    train_text, val_text = make_text(900, gen), make_text(150, gen)
    chars = sorted(set(train_text + val_text))
    code = {c: i for i, c in enumerate(chars)}
    train = torch.tensor([code[c] for c in train_text])
    val = torch.tensor([code[c] for c in val_text])
    T = 40
    vx = torch.stack([val[i : i + T] for i in range(0, len(val) - T - 1, T)])
    vy = torch.stack([val[i + 1 : i + T + 1] for i in range(0, len(val) - T - 1, T)])
    model = LM(len(chars))
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3, betas=(0.9, 0.95), weight_decay=0.01)
    steps, warmup = 240, 24
    sched = torch.optim.lr_scheduler.LambdaLR(
        opt,
        lambda s: min((s + 1) / warmup, 0.1 + 0.45 * (1 + math.cos(math.pi * s / steps))),
    )
    for step in range(steps):
        at = torch.randint(len(train) - T, (24,))
        x = torch.stack([train[i : i + T] for i in at])
        y = torch.stack([train[i + 1 : i + T + 1] for i in at])
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        opt.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        if (step + 1) % 60 == 0:
            model.eval()
            with torch.no_grad():
                v = F.cross_entropy(model(vx).flatten(0, 1), vy.flatten())
            model.train()
            print(f"step {step + 1} train {loss.item():.3f} val {v.item():.3f}")
    print(f"validation bits per character {v.item() / math.log(2):.3f}")
