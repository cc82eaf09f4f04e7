# expect: too-large-batch
# accept: stopped-early, underfitting, lr-too-low
# note: a batch of 4096 for 8192 pairs; twelve epochs are 24 steps of Adam and the error is still
#   close to the mean's, 64 per batch fit the ratings well
import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def ratings(n, users=120, items=80, rank=3):
    source = torch.Generator().manual_seed(17)
    p = torch.randn(users, rank, generator=source)
    q = torch.randn(items, rank, generator=source)
    pairs = torch.rand(n, 2, generator=source) * torch.tensor([users, items])
    u, i = pairs.long().unbind(1)
    taste = (p[u] * q[i]).sum(1) / rank**0.5
    return u, i, taste + 0.2 * torch.randn(n, generator=source)


class Factorisation(nn.Module):
    def __init__(self, users, items, dim=8):
        super().__init__()
        self.user, self.item = nn.Embedding(users, dim), nn.Embedding(items, dim)
        self.user_bias, self.item_bias = nn.Embedding(users, 1), nn.Embedding(items, 1)
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=0.3)
        for table in (self.user_bias, self.item_bias):
            nn.init.zeros_(table.weight)

    def forward(self, u, i):
        dot = (self.user(u) * self.item(i)).sum(1)
        return dot + self.user_bias(u).squeeze(1) + self.item_bias(i).squeeze(1)


def rmse(model, u, i, r):
    model.eval()
    with torch.no_grad():
        return nn.functional.mse_loss(model(u, i), r).sqrt().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=4096)  # fault
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    u, i, r = ratings(10000)
    train = TensorDataset(u[:8192], i[:8192], r[:8192])
    val = u[8192:], i[8192:], r[8192:]
    loader = DataLoader(train, batch_size=args.batch_size, shuffle=True)
    model = Factorisation(120, 80)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    print(f"spread of the ratings {val[2].std().item():.3f}")
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for users, items, values in loader:
            loss = nn.functional.mse_loss(model(users, items), values)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(values)
        train_rmse = (total / len(train)) ** 0.5
        print(f"epoch {epoch:2d} train rmse {train_rmse:.4f} val rmse {rmse(model, *val):.4f}")


if __name__ == "__main__":
    main()
