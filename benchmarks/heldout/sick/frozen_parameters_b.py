# expect: frozen-parameters
# note: Embedding.from_pretrained freezes by default and here it gets freshly drawn random tables,
#       so the user and item factors are never trained, only the biases are
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

N_USERS, N_ITEMS, N_RATINGS = 120, 80, 5000


def ratings(rng):
    taste = rng.normal(size=(N_USERS, 3))
    style = rng.normal(size=(N_ITEMS, 3))
    pairs = rng.permutation(N_USERS * N_ITEMS)[:N_RATINGS]
    user, item = pairs // N_ITEMS, pairs % N_ITEMS
    score = (taste[user] * style[item]).sum(1) + 0.3 * rng.normal(size=N_RATINGS)
    score = (score - score.mean()) / score.std()
    return torch.tensor(user), torch.tensor(item), torch.tensor(score, dtype=torch.float32)


class Recommender(nn.Module):
    def __init__(self, dim=6):
        super().__init__()
        self.user = nn.Embedding.from_pretrained(0.3 * torch.randn(N_USERS, dim))  # fault
        self.item = nn.Embedding.from_pretrained(0.3 * torch.randn(N_ITEMS, dim))  # fault
        self.user_bias = nn.Embedding(N_USERS, 1)
        self.item_bias = nn.Embedding(N_ITEMS, 1)
        nn.init.normal_(self.user_bias.weight, std=0.01)
        nn.init.normal_(self.item_bias.weight, std=0.01)

    def forward(self, user, item):
        dot = (self.user(user) * self.item(item)).sum(-1, keepdim=True)
        return (dot + self.user_bias(user) + self.item_bias(item)).squeeze(-1)


def rmse(model, loader):
    model.eval()
    total, n = 0.0, 0
    with torch.no_grad():
        for user, item, score in loader:
            total += (model(user, item) - score).pow(2).sum().item()
            n += len(score)
    return (total / n) ** 0.5


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    user, item, score = ratings(np.random.default_rng(args.seed))
    train = TensorDataset(user[:4200], item[:4200], score[:4200])
    valid = TensorDataset(user[4200:], item[4200:], score[4200:])
    train_loader = DataLoader(train, batch_size=128, shuffle=True)
    valid_loader = DataLoader(valid, batch_size=400)

    model = Recommender()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=1e-5)
    for epoch in range(12):
        model.train()
        loss_sum = 0.0
        for u, i, s in train_loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(u, i), s)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(s)
        print(
            f"epoch {epoch:2d}  train mse {loss_sum / len(train):.4f}  "
            f"valid rmse {rmse(model, valid_loader):.4f}"
        )


if __name__ == "__main__":
    main()
