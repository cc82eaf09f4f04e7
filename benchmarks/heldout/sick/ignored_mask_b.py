# expect: ignored-mask
# note: the mask is True for real steps but the attention fills exactly those with -1e9, so the
#       pooling looks only at the padding and the prediction hardly depends on the data
import argparse

import torch
import torch.nn.functional as F
from torch import nn

MAX_LEN = 16


class AttentionPool(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.query = nn.Linear(dim, 1)

    def forward(self, h, valid):
        score = self.query(h).squeeze(-1)
        score = score.masked_fill(valid, -1e9)  # fault
        weight = torch.softmax(score, dim=1)
        return (weight.unsqueeze(-1) * h).sum(dim=1)


class BasketValue(nn.Module):
    """Predicts what an average item of a shopping basket costs."""

    def __init__(self, n_products, dim=24):
        super().__init__()
        self.product = nn.Embedding(n_products, dim)
        self.body = nn.Sequential(nn.Linear(dim, dim), nn.ReLU())
        self.pool = AttentionPool(dim)
        self.head = nn.Linear(dim, 1)

    def forward(self, items, valid):
        h = self.body(self.product(items))
        return self.head(self.pool(h, valid)).squeeze(-1)


def baskets(n, price, gen):
    length = torch.randint(3, MAX_LEN, (n,), generator=gen)
    items = torch.randint(1, len(price), (n, MAX_LEN), generator=gen)
    valid = torch.arange(MAX_LEN) < length[:, None]
    items = items * valid
    value = (price[items] * valid).sum(1) / length
    return items, valid, value


def r2(model, items, valid, value):
    model.eval()
    with torch.no_grad():
        error = F.mse_loss(model(items, valid), value)
    return 1 - (error / value.var(unbiased=False)).item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    gen = torch.Generator().manual_seed(args.seed)
    price = torch.randn(41, generator=gen)
    items, valid, value = baskets(2000, price, gen)
    value = (value - value[:1600].mean()) / value[:1600].std()
    train, val = slice(0, 1600), slice(1600, 2000)

    model = BasketValue(len(price))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(12):
        model.train()
        total = 0.0
        for idx in torch.randperm(1600).split(50):
            pred = model(items[train][idx], valid[train][idx])
            loss = F.mse_loss(pred, value[train][idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / 32
        score = r2(model, items[val], valid[val], value[val])
        print(f"epoch {epoch + 1:2d} train mse {total:.4f} val r2 {score:.4f}")


if __name__ == "__main__":
    main()
