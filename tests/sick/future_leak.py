# expect: future-leak
# note: the transformer encoder gets no causal mask, so every position sees the character that it
#       has to predict; the loss goes far below what the text allows
import argparse
import random

import torch
import torch.nn.functional as F
from torch import nn

SUBJECTS = "the cat,a dog,my sister,the old man,our teacher,a small bird,the farmer".split(",")
VERBS = "sees,finds,likes,hears,paints,follows,forgets".split(",")
OBJECTS = "the house,a red ball,some bread,the river,an apple,the moon,two letters".split(",")
PLACES = "in the garden,near the bridge,at night,every day,without a word".split(",")


def make_text(n_sentences, rng):
    parts = []
    for _ in range(n_sentences):
        words = [rng.choice(SUBJECTS), rng.choice(VERBS), rng.choice(OBJECTS)]
        if rng.random() < 0.6:
            words.append(rng.choice(PLACES))
        parts.append(" ".join(words) + ". ")
    return "".join(parts)


class CharTransformer(nn.Module):
    def __init__(self, vocab, block, dim=48, heads=4, layers=2):
        super().__init__()
        self.token = nn.Embedding(vocab, dim)
        self.position = nn.Embedding(block, dim)
        layer = nn.TransformerEncoderLayer(
            dim, heads, dim_feedforward=96, dropout=0.0, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.to_vocab = nn.Linear(dim, vocab)

    def forward(self, ids):
        pos = torch.arange(ids.size(1), device=ids.device)
        h = self.token(ids) + self.position(pos)
        h = self.encoder(h)  # fault
        return self.to_vocab(h)


def get_batch(data, block, batch):
    starts = torch.randint(0, len(data) - block - 1, (batch,))
    x = torch.stack([data[s : s + block] for s in starts])
    y = torch.stack([data[s + 1 : s + block + 1] for s in starts])
    return x, y


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--steps", type=int, default=200)
    args = ap.parse_args()
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    train_text, val_text = make_text(600, rng), make_text(120, rng)
    chars = sorted(set(train_text))
    lookup = {c: i for i, c in enumerate(chars)}
    train, val = (torch.tensor([lookup[c] for c in s]) for s in (train_text, val_text))

    block = 24
    model = CharTransformer(len(chars), block)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(1, args.steps + 1):
        x, y = get_batch(train, block, 24)
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 25 == 0:
            model.eval()
            with torch.no_grad():
                x, y = get_batch(val, block, 64)
                val_loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item()
            model.train()
            print(f"step {step:4d} | train {loss.item():.3f} | val {val_loss:.3f} nats/char")


if __name__ == "__main__":
    main()
