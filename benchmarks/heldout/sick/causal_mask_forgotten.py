# expect: future-leak
# accept: target-in-input
# note: the transformer language model has no causal mask, it copies the next character; the loss
#   is far too good, samples are junk
import argparse
import math
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

NOUNS = "man dog river boat child bird road school hill wall stone garden window".split()
VERBS = "saw found watched followed left heard passed remembered".split()
ADJS = "old small brown quiet tall young cold yellow".split()
rng = random.Random(7)


def sentence():
    a, b = rng.sample(NOUNS, 2)
    return f"the {rng.choice(ADJS)} {a} {rng.choice(VERBS)} the {rng.choice(ADJS)} {b}. "


TEXT = "".join(sentence() for _ in range(260))
chars = sorted(set(TEXT))
ids = torch.tensor([chars.index(c) for c in TEXT])
CTX, DIM = 32, 48


class CharTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(len(chars), DIM)
        self.pos = nn.Embedding(CTX, DIM)
        layer = nn.TransformerEncoderLayer(
            DIM, 4, 96, dropout=0.0, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(DIM, len(chars))

    def forward(self, x):
        h = self.tok(x) + self.pos(torch.arange(x.size(1)))
        return self.head(self.blocks(h))  # fault


def get_batch(data, n=12):
    at = torch.randint(len(data) - CTX - 1, (n,))
    x = torch.stack([data[i : i + CTX] for i in at])
    y = torch.stack([data[i + 1 : i + CTX + 1] for i in at])
    return x, y


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
cut = int(0.75 * len(ids))
train, val = ids[:cut], ids[cut:]
model = CharTransformer()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(1, 241):
    model.train()
    x, y = get_batch(train)
    loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 40 == 0:
        model.eval()
        with torch.no_grad():
            x, y = get_batch(val, 32)
            v = F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item()
        print(f"step {step} train {loss.item():.3f} val {v:.3f} perplexity {math.exp(v):.2f}")

model.eval()
text = ids[:8].tolist()
with torch.no_grad():
    for _ in range(60):
        text.append(model(torch.tensor([text[-CTX:]]))[0, -1].argmax().item())
print("".join(chars[i] for i in text))
