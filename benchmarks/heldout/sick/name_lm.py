# expect: future-leak
# accept: target-in-input
# note: the language model reads in both directions, so the state at t has seen the character
#   to predict
import argparse
import random

import torch
from torch import nn

WORDS = (
    "the quick brown fox jumps over a lazy dog while seven wizards brew strange potions in "
    "quiet valley where cold rivers bend and old mills grind wheat for village every morning"
).split()
TEXT = " ".join(random.Random(7).choices(WORDS, k=1200))
CHARS = sorted(set(TEXT))
IDS = torch.tensor([CHARS.index(c) for c in TEXT])


class CharModel(nn.Module):
    def __init__(self, vocab, emb=16, hidden=32):
        super().__init__()
        self.emb = nn.Embedding(vocab, emb)
        self.rnn = nn.GRU(emb, hidden, batch_first=True, bidirectional=True)  # fault
        self.out = nn.LazyLinear(vocab)

    def forward(self, ids):
        h, _ = self.rnn(self.emb(ids))
        return self.out(h)


def get_batch(data, size, block):
    starts = torch.randint(len(data) - block - 1, (size,))
    x = torch.stack([data[s : s + block] for s in starts])
    y = torch.stack([data[s + 1 : s + block + 1] for s in starts])
    return x, y


@torch.no_grad()
def estimate(model, data, loss_fn):
    model.eval()
    vals = []
    for _ in range(5):
        x, y = get_batch(data, 16, 32)
        vals.append(loss_fn(model(x).flatten(0, 1), y.flatten()).item())
    model.train()
    return sum(vals) / len(vals)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    torch.set_num_threads(1)
    cut = int(0.85 * len(IDS))
    train_data, val_data = IDS[:cut], IDS[cut:]
    model = CharModel(len(CHARS))
    model(train_data[None, :4])
    loss_fn = nn.CrossEntropyLoss()
    opt = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for it in range(251):
        x, y = get_batch(train_data, 16, 32)
        logits = model(x)
        loss = loss_fn(logits.view(-1, len(CHARS)), y.view(-1))
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        if it % 50 == 0:
            print(f"iter {it} loss {loss.item():.3f} val {estimate(model, val_data, loss_fn):.3f}")
