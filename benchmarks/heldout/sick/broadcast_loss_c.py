# expect: broadcast-loss
# note: model returns (N, 1), the targets are (N,); the loss averages over an N x N table,
#   prediction = mean
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


def make_rentals(n, rng):
    city = rng.integers(0, 12, n)
    kind = rng.integers(0, 5, n)
    size = rng.uniform(20, 120, n)
    floor = rng.integers(0, 9, n)
    city_level = np.linspace(6, 18, 12)[rng.permutation(12)]
    kind_factor = np.array([0.8, 0.9, 1.0, 1.15, 1.3])
    rent = size * city_level[city] * kind_factor[kind] + 8 * floor
    rent = rent * np.exp(0.08 * rng.standard_normal(n))
    cats = np.stack([city, kind], 1)
    nums = np.stack([size, floor], 1).astype(np.float32)
    return cats, nums, np.log(rent).astype(np.float32)


class RentModel(nn.Module):
    def __init__(self, cardinalities, n_num, dim=6):
        super().__init__()
        self.embeds = nn.ModuleList(nn.Embedding(c, dim) for c in cardinalities)
        self.mlp = nn.Sequential(
            nn.Linear(dim * len(cardinalities) + n_num, 64),
            nn.ReLU(),
            nn.Linear(64, 32),
            nn.ReLU(),
            nn.Linear(32, 1),
        )

    def forward(self, cats, nums):
        e = [emb(cats[:, i]) for i, emb in enumerate(self.embeds)]
        return self.mlp(torch.cat(e + [nums], dim=1))


def r2(model, cats, nums, y):
    model.eval()
    with torch.no_grad():
        pred = model(cats, nums).squeeze(1)
    return 1 - ((pred - y) ** 2).sum().item() / ((y - y.mean()) ** 2).sum().item()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    args = p.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    cats, nums, y = make_rentals(2400, rng)
    y = (y - y.mean()) / y.std()
    idx_tr, idx_va = train_test_split(np.arange(len(y)), test_size=0.2, random_state=args.seed)
    mu, sd = nums[idx_tr].mean(0), nums[idx_tr].std(0)
    nums = (nums - mu) / sd
    cats, nums, y = torch.from_numpy(cats), torch.from_numpy(nums), torch.from_numpy(y)

    loader = DataLoader(TensorDataset(cats[idx_tr], nums[idx_tr], y[idx_tr]), 64, shuffle=True)
    model = RentModel([12, 5], 2)
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for epoch in range(12):
        model.train()
        running = 0.0
        for c, n, target in loader:
            pred = model(c, n)
            loss = F.smooth_l1_loss(pred, target)  # fault
            opt.zero_grad()
            loss.backward()
            opt.step()
            running += loss.item()
        score = r2(model, cats[idx_va], nums[idx_va], y[idx_va])
        print(f"epoch {epoch + 1:2d}  loss {running / len(loader):.4f}  val R2 {score:.3f}")


if __name__ == "__main__":
    main()
