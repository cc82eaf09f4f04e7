# expect: wrong-class-weights
# note: class weights are the class frequencies instead of their inverse, so the rarer classes
#   count even less
import argparse
from collections import Counter

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset

CLASSES = ["normal", "wear", "broken"]


class MachineDataset(Dataset):
    def __init__(self, spectra, labels):
        self.spectra = torch.as_tensor(spectra, dtype=torch.float32)
        self.labels = torch.as_tensor(labels, dtype=torch.long)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.spectra[i].unsqueeze(0), self.labels[i]


def make_spectra(n, rng, bins=48):
    labels = rng.choice(3, n, p=[0.68, 0.2, 0.12])
    base = np.exp(-np.arange(bins) / 15.0)
    spectra = base + 0.35 * rng.standard_normal((n, bins))
    for i, label in enumerate(labels):
        if label == 1:
            spectra[i, 18:24] += 0.4
        elif label == 2:
            spectra[i, 21:27] += 0.4
    return (spectra - spectra.mean()) / spectra.std(), labels


class SpectrumCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv1d(1, 8, 5, padding=2), nn.SiLU(), nn.MaxPool1d(2),
            nn.Conv1d(8, 16, 5, padding=2), nn.SiLU(), nn.MaxPool1d(2),
        )
        self.fc = nn.Linear(16 * 12, len(CLASSES))

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    spectra, labels = make_spectra(3000, np.random.default_rng(args.seed))
    x_tr, x_va, y_tr, y_va = train_test_split(
        spectra, labels, test_size=0.25, stratify=labels, random_state=args.seed
    )
    train_loader = DataLoader(MachineDataset(x_tr, y_tr), batch_size=64, shuffle=True)
    val_loader = DataLoader(MachineDataset(x_va, y_va), batch_size=128)

    counts = Counter(y_tr.tolist())
    weights = torch.tensor([counts[c] / len(y_tr) for c in range(len(CLASSES))])  # fault
    criterion = nn.CrossEntropyLoss(weight=weights)  # fault
    model = SpectrumCNN()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)

    for epoch in range(10):
        model.train()
        total = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        model.eval()
        pred, true = [], []
        with torch.no_grad():
            for x, y in val_loader:
                pred += model(x).argmax(1).tolist()
                true += y.tolist()
        score = balanced_accuracy_score(true, pred)
        print(f"epoch {epoch}: loss {total / len(train_loader):.4f} balanced acc {score:.3f} "
              f"predicted {dict(sorted(Counter(pred).items()))}")


if __name__ == "__main__":
    main()
