# healthy: matrix factorisation with sparse embedding gradients and SparseAdam; in any batch most
# rows get no gradient, rare items hardly ever do
import argparse

import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--factors", type=int, default=5)
parser.add_argument("--epochs", type=int, default=9)
parser.add_argument("--batch-size", type=int, default=512)
args = parser.parse_args()
rng = np.random.default_rng(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(1)

N_USERS, N_ITEMS = 300, 200


def make_ratings(n=24000, rank=3):
    """Unique (user, item) pairs with popular and unpopular items; stars between 1 and 5."""
    user_vec = rng.normal(size=(N_USERS, rank))
    item_vec = rng.normal(size=(N_ITEMS, rank))
    user_bias, item_bias = rng.normal(0, 0.3, N_USERS), rng.normal(0, 0.4, N_ITEMS)
    popularity = 1 / (5 + np.arange(N_ITEMS))
    prob = np.tile(popularity / popularity.sum() / N_USERS, N_USERS)
    pairs = rng.choice(N_USERS * N_ITEMS, n, replace=False, p=prob)
    u, i = np.divmod(pairs, N_ITEMS)
    stars = 3.4 + user_bias[u] + item_bias[i] + 0.6 * (user_vec[u] * item_vec[i]).sum(1)
    stars = np.clip(np.round(stars + rng.normal(0, 0.3, n)), 1, 5)
    return torch.tensor(u), torch.tensor(i), torch.tensor(stars, dtype=torch.float32)


class MatrixFactorization(nn.Module):
    def __init__(self, n_users, n_items, n_factors):
        super().__init__()
        self.user_factors = nn.Embedding(n_users, n_factors, sparse=True)
        self.item_factors = nn.Embedding(n_items, n_factors, sparse=True)
        self.user_biases = nn.Embedding(n_users, 1, sparse=True)
        self.item_biases = nn.Embedding(n_items, 1, sparse=True)
        for table in (self.user_factors, self.item_factors):
            nn.init.normal_(table.weight, std=0.1)
        for table in (self.user_biases, self.item_biases):
            nn.init.zeros_(table.weight)

    def forward(self, user, item):
        dot = (self.user_factors(user) * self.item_factors(item)).sum(1)
        return dot + self.user_biases(user).squeeze(1) + self.item_biases(item).squeeze(1)


users, items, ratings = make_ratings()
n_val = 4000
mu = ratings[n_val:].mean()
train = [t[n_val:] for t in (users, items, ratings - mu)]
val = [t[:n_val] for t in (users, items, ratings - mu)]
print(f"{len(train[0])} ratings, mean {mu:.2f}, std {ratings.std():.2f}")

model = MatrixFactorization(N_USERS, N_ITEMS, args.factors)
loss_func = nn.MSELoss()
optimizer = torch.optim.SparseAdam(list(model.parameters()), lr=0.008)

for epoch in range(args.epochs):
    total = 0.0
    for idx in torch.randperm(len(train[0])).split(args.batch_size):
        user, item, rating = (t[idx] for t in train)
        optimizer.zero_grad()
        loss = loss_func(model(user, item), rating)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    with torch.no_grad():
        val_mse = loss_func(model(val[0], val[1]), val[2]).item()
    print(f"epoch {epoch + 1:2d} train rmse {(total / len(train[0])) ** 0.5:.4f} "
          f"val rmse {val_mse ** 0.5:.4f}")
