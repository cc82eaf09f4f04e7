# expect: unregistered-parameters
# note: the embeddings live in a plain dict, so model.parameters() does not have them and they
#   stay random
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

CARDINALITY = {"store": 60, "product": 80, "weekday": 7}


def make_sales(n, rng):
    levels = {k: rng.standard_normal(v) for k, v in CARDINALITY.items()}
    cols = {k: rng.integers(0, v, n) for k, v in CARDINALITY.items()}
    promo = rng.random(n)
    score = sum(levels[k][cols[k]] for k in cols) + 1.5 * promo - 0.75
    y = (score + 0.3 * rng.standard_normal(n) > 0).astype(np.float32)
    cols = {k: torch.from_numpy(v) for k, v in cols.items()}
    return cols, torch.from_numpy(promo.astype(np.float32)).unsqueeze(1), torch.from_numpy(y)


class EntityEmbedding(nn.Module):
    def __init__(self, cardinality, dim=2, hidden=32):
        super().__init__()
        self.columns = list(cardinality)
        self.embeddings = {c: nn.Embedding(n, dim) for c, n in cardinality.items()}  # fault
        self.fc1 = nn.Linear(dim * len(cardinality) + 1, hidden)
        self.fc2 = nn.Linear(hidden, 1)

    def forward(self, cats, promo):
        parts = [self.embeddings[name](cats[name]) for name in self.columns]
        h = F.relu(self.fc1(torch.cat(parts + [promo], dim=-1)))
        return self.fc2(h).squeeze(-1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    cats, promo, y = make_sales(6000, np.random.default_rng(seed))
    n_train = 5000

    model = EntityEmbedding(CARDINALITY)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=5e-3)
    for epoch in range(10):
        perm = torch.randperm(n_train)
        losses = []
        for idx in perm.split(100):
            batch = {k: v[idx] for k, v in cats.items()}
            loss = F.binary_cross_entropy_with_logits(model(batch, promo[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            logits = model({k: v[n_train:] for k, v in cats.items()}, promo[n_train:])
            acc = ((logits > 0).float() == y[n_train:]).float().mean()
        print(f"epoch {epoch}: bce {np.mean(losses):.3f}, val accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
