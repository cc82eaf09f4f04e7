# expect: lr-too-high
# accept: growing-attention-logits, collapsed-attention, growing-weights, huge-updates, loss-flat, missing-warmup
# note: Adam at 0.03 makes queries and keys longer from step to step, the largest attention score
#   grows into the hundreds, the attention freezes and the loss stays high
# mend: default=0.03 -> default=0.003
import argparse
import random

import torch
import torch.nn.functional as F
from torch import nn

LENGTH = 6


def sorting(rng, n):
    """Rows of digits, a separator (10), and the same digits in order."""
    rows = []
    for _ in range(n):
        digits = [rng.randrange(10) for _ in range(LENGTH)]
        rows.append([*digits, 10, *sorted(digits)])
    return torch.tensor(rows)


class Decoder(nn.Module):
    def __init__(self, dim=48, heads=3, depth=2, length=2 * LENGTH):
        super().__init__()
        self.tokens = nn.Embedding(11, dim)
        self.positions = nn.Parameter(0.1 * torch.randn(length, dim))
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                dim, heads, 3 * dim, dropout=0.0, batch_first=True, norm_first=True
            )
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Linear(dim, 11)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(length))

    def forward(self, ids):
        x = self.tokens(ids) + self.positions
        for block in self.blocks:
            x = block(x, src_mask=self.mask, is_causal=True)
        return self.out(self.norm(x))


def answer_loss(model, rows):
    logits = model(rows[:, :-1])[:, -LENGTH:]
    target = rows[:, -LENGTH:]
    accuracy = (logits.argmax(-1) == target).float().mean().item()
    return F.cross_entropy(logits.flatten(0, 1), target.flatten()), accuracy


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--lr", type=float, default=0.03)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    data = sorting(random.Random(args.seed), 4400)
    train, val = data[:4000], data[4000:]
    model = Decoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)  # fault
    for step in range(1, args.steps + 1):
        model.train()
        loss, _ = answer_loss(model, train[torch.randint(len(train), (64,))])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 40 == 0:
            model.eval()
            with torch.no_grad():
                val_loss, acc = answer_loss(model, val)
            print(f"step {step} loss {loss.item():.3f} val {val_loss.item():.3f} digits {acc:.3f}")


if __name__ == "__main__":
    main()
