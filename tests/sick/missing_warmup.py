# expect: missing-warmup
# accept: lr-too-high, unstable-depth, loss-flat
# note: eight post-norm transformer layers start at Adam's full rate; the first steps push the net
#   to a constant output (loss ln 10), the same rate after 100 steps of warm-up learns well
# mend: min(1.0, 2 * (1 - step / total)) -> min(1.0, (step + 1) / 100, 2 * (1 - step / total))
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn


class RowTransformer(nn.Module):
    """Every row of the image is a token."""

    def __init__(self, dim=32, depth=8, heads=4):
        super().__init__()
        self.embed = nn.Linear(8, dim)
        self.position = nn.Parameter(0.1 * torch.randn(8, dim))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(dim, heads, 2 * dim, dropout=0.0, batch_first=True)
            for _ in range(depth)
        )
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        x = self.embed(x) + self.position
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(1))


def rate(step, total):
    return min(1.0, 2 * (1 - step / total))  # fault


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--lr", type=float, default=1e-2)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32)
    x, y = (x - x.mean()) / x.std(), torch.tensor(digits.target)
    train, val = train_test_split(torch.arange(len(y)), test_size=0.2, stratify=y, random_state=0)

    model = RowTransformer()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)  # fault
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: rate(s, args.steps))
    running = 0.0
    for step in range(1, args.steps + 1):
        model.train()
        rows = train[torch.randint(len(train), (32,))]
        loss = F.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        running += loss.item()
        if step % 30 == 0:
            model.eval()
            with torch.no_grad():
                acc = (model(x[val]).argmax(1) == y[val]).float().mean().item()
            print(f"step {step} loss {running / 30:.3f} val accuracy {acc:.3f}")
            running = 0.0


if __name__ == "__main__":
    main()
