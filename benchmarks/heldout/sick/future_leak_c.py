# expect: future-leak
# note: the language model's convolutions pad on both sides, so position t sees character t+1 that
#   it must predict
import argparse
import random

import torch
import torch.nn as nn
import torch.nn.functional as F

PLACES = ["the coast", "the hills", "the northern lakes", "the capital", "the islands", "the west"]
SKIES = ["cloudy", "clear and cold", "bright", "wet and windy", "foggy", "mild", "stormy"]
TIMES = ["in the morning", "by noon", "later today", "overnight", "towards evening"]
MOVES = ["turning", "staying", "slowly becoming", "remaining"]


def bulletin(rng, n=900):
    lines = []
    for _ in range(n):
        sky, later = rng.sample(SKIES, 2)
        lines.append(
            f"{rng.choice(PLACES)}: {sky} {rng.choice(TIMES)}, {rng.choice(MOVES)} {later}, "
            f"{rng.randint(0, 29)} degrees."
        )
    return "\n".join(lines)


TEXT = bulletin(random.Random(7))
chars = sorted(set(TEXT))
stoi = {c: i for i, c in enumerate(chars)}
data = torch.tensor([stoi[c] for c in TEXT])
split = int(0.85 * len(data))


class ResidualConv(nn.Module):
    def __init__(self, channels, dilation):
        super().__init__()
        self.conv = nn.Conv1d(  # fault
            channels, 2 * channels, 3, padding=dilation, dilation=dilation  # fault
        )
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        a, b = self.conv(x).chunk(2, dim=1)
        return x + self.mix(torch.tanh(a) * torch.sigmoid(b))


class CharWaveNet(nn.Module):
    def __init__(self, vocab, channels=32, dilations=(1, 2, 4)):
        super().__init__()
        self.embed = nn.Embedding(vocab, channels)
        self.blocks = nn.Sequential(*[ResidualConv(channels, d) for d in dilations])
        self.head = nn.Conv1d(channels, vocab, 1)

    def forward(self, idx):
        x = self.embed(idx).transpose(1, 2)
        return self.head(self.blocks(x))


def get_batch(part, batch_size=24, block=48):
    start = torch.randint(len(part) - block - 1, (batch_size,))
    x = torch.stack([part[s : s + block] for s in start])
    y = torch.stack([part[s + 1 : s + block + 1] for s in start])
    return x, y


@torch.no_grad()
def estimate_loss(model, part, iters=5):
    model.eval()
    losses = []
    for _ in range(iters):
        x, y = get_batch(part)
        losses.append(F.cross_entropy(model(x), y).item())
    model.train()
    return sum(losses) / len(losses)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
torch.manual_seed(parser.parse_args().seed)

model = CharWaveNet(len(chars))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(1, 241):
    x, y = get_batch(data[:split])
    loss = F.cross_entropy(model(x), y)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if step % 30 == 0:
        print(f"step {step}: train {loss.item():.3f} val {estimate_loss(model, data[split:]):.3f}")
