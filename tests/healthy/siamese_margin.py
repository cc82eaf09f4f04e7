# healthy: Siamese network: the same encoder is called twice per step (shared weights are the
# point) and the loss has pairs with exactly zero gradient once they are farther apart than the
# margin
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, Dataset


class PairDataset(Dataset):
    def __init__(self, x, y, n_pairs, seed):
        rng = np.random.default_rng(seed)
        by_class = [np.flatnonzero(y == c) for c in range(10)]
        first, second, same = [], [], []
        for k in range(n_pairs):
            a = rng.integers(len(x))
            if k % 2:
                pool = by_class[y[a]]
                b = rng.choice(pool[pool != a])
            else:
                b = rng.choice(np.flatnonzero(y != y[a]))
            first.append(a)
            second.append(b)
            same.append(float(k % 2))
        self.x = torch.tensor(x, dtype=torch.float32)
        self.first, self.second, self.same = first, second, torch.tensor(same)

    def __len__(self):
        return len(self.same)

    def __getitem__(self, i):
        return self.x[self.first[i]], self.x[self.second[i]], self.same[i]


class SiameseNetwork(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(64, 128), nn.PReLU(),
            nn.Linear(128, 64), nn.PReLU(),
            nn.Linear(64, dim, bias=False),
        )

    def forward_once(self, x):
        return self.encoder(x)

    def forward(self, input1, input2):
        return self.forward_once(input1), self.forward_once(input2)


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=1.5):
        super().__init__()
        self.margin = margin

    def forward(self, out1, out2, same):
        distance = F.pairwise_distance(out1, out2)
        pull = same * distance.pow(2)
        push = (1 - same) * torch.clamp(self.margin - distance, min=0.0).pow(2)
        return (pull + push).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = load_digits(return_X_y=True)
    perm = np.random.default_rng(args.seed).permutation(len(x))
    x, y = x[perm] / 8.0 - 1.0, y[perm]
    train_loader = DataLoader(PairDataset(x[:1400], y[:1400], 4000, args.seed), 50, shuffle=True)
    val_loader = DataLoader(PairDataset(x[1400:], y[1400:], 1000, args.seed + 1), 250)

    net = SiameseNetwork()
    criterion = ContrastiveLoss()
    optimizer = optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(8):
        net.train()
        train_loss = 0.0
        for a, b, same in train_loader:
            optimizer.zero_grad()
            out1, out2 = net(a, b)
            loss = criterion(out1, out2, same)
            loss.backward()
            optimizer.step()
            train_loss += loss.item() / len(train_loader)
        net.eval()
        right, val_loss = 0, 0.0
        with torch.no_grad():
            for a, b, same in val_loader:
                out1, out2 = net(a, b)
                val_loss += criterion(out1, out2, same).item() / len(val_loader)
                close = F.pairwise_distance(out1, out2) < criterion.margin / 2
                right += (close == same.bool()).sum().item()
        print(f"Epoch {epoch}: train {train_loss:.4f} val {val_loss:.4f} "
              f"pair accuracy {right / len(val_loader.dataset):.4f}")


if __name__ == "__main__":
    main()
