# healthy: word-level GRU language model with tied embedding and output weights, zero_grad placed
#   after step, perplexity reported
import argparse
import math
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

SUBJ = ["the farmer", "a sailor", "my sister", "the teacher", "an old king"]
VERB = {"eats": ["bread", "soup", "apples"], "reads": ["letters", "books"], "sails": ["boats"]}
TIME = ["today", "at night", "in spring", "every day"]


def corpus(n, rng):
    out = []
    for _ in range(n):
        v = rng.choice(list(VERB))
        out += f"{rng.choice(SUBJ)} {v} {rng.choice(VERB[v])} {rng.choice(TIME)} .".split()
    return out


class TiedGRU(nn.Module):
    def __init__(self, vocab, dim=40):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim)
        nn.init.normal_(self.emb.weight, std=0.15)
        self.rnn = nn.GRU(dim, dim, batch_first=True)
        self.out = nn.Linear(dim, vocab)
        self.out.weight = self.emb.weight

    def forward(self, ids):
        h, _ = self.rnn(self.emb(ids))
        return self.out(h)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    words, held = corpus(700, rng), corpus(120, rng)
    vocab = sorted(set(words))
    to_id = {w: i for i, w in enumerate(vocab)}

    def windows(tokens, size=12):
        ids = torch.tensor([to_id[w] for w in tokens])
        n = (len(ids) - 1) // size
        return ids[: n * size].view(n, size), ids[1 : n * size + 1].view(n, size)

    x, y = windows(words)
    vx, vy = windows(held)
    model = TiedGRU(len(vocab))
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-3)
    for epoch in range(12):
        losses = []
        for idx in torch.randperm(len(x)).split(16):
            loss = F.cross_entropy(model(x[idx]).transpose(1, 2), y[idx])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            losses.append(loss.item())
        with torch.no_grad():
            v = F.cross_entropy(model(vx).transpose(1, 2), vy).item()
        print(f"epoch {epoch} train {sum(losses) / len(losses):.3f} ppl {math.exp(v):.2f}")


if __name__ == "__main__":
    main()
