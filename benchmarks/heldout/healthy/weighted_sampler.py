# healthy: strongly unequal classes evened out by a WeightedRandomSampler with replacement: rare
# samples come up several times in an epoch, and validation keeps the natural shares
import argparse
from collections import Counter

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import f1_score, recall_score
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

SHARES = np.array([0.62, 0.22, 0.1, 0.06])


class VibrationDataset(Dataset):
    """Spectra of a machine: sound, unbalanced, misaligned, bearing damage."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.labels = rng.choice(4, n, p=SHARES)
        spectra = rng.gamma(10.0, 0.1, (n, 32))
        strength = rng.uniform(1.8, 3.2, n)
        for i, (label, s) in enumerate(zip(self.labels, strength)):
            speed = rng.integers(4, 7)
            if label == 1:
                spectra[i, speed] += s
            elif label == 2:
                spectra[i, [speed, 2 * speed]] += 0.8 * s
            elif label == 3:
                spectra[i, 20 + rng.integers(0, 3) :: 3] += 0.8 * s
        x = np.log(spectra + 0.1)
        self.x = torch.tensor((x - 0.1) / 0.4, dtype=torch.float32)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, idx):
        return self.x[idx], torch.tensor(self.labels[idx])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=11)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    train_set = VibrationDataset(3000, args.seed)
    val_set = VibrationDataset(1000, args.seed + 10_000)
    counts = Counter(train_set.labels.tolist())
    print("training counts", dict(sorted(counts.items())))
    weights = [1.0 / counts[label] for label in train_set.labels.tolist()]
    sampler = WeightedRandomSampler(weights, num_samples=2000, replacement=True)
    train_loader = DataLoader(train_set, batch_size=50, sampler=sampler)
    val_loader = DataLoader(val_set, batch_size=250, shuffle=False)

    model = nn.Sequential(
        nn.Linear(32, 48), nn.ELU(), nn.Dropout(0.1), nn.Linear(48, 24), nn.ELU(), nn.Linear(24, 4)
    )
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-3)
    for epoch in range(args.epochs):
        model.train()
        running = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(y)
        model.eval()
        with torch.no_grad():
            pred = torch.cat([model(x).argmax(1) for x, _ in val_loader]).numpy()
        recall = recall_score(val_set.labels, pred, average=None)
        print(f"epoch {epoch} loss {running / 2000:.4f} macro F1 "
              f"{f1_score(val_set.labels, pred, average='macro'):.4f} recall {np.round(recall, 2)}")


if __name__ == "__main__":
    main()
