# expect: label-out-of-range
# accept: wrong-dtype
# note: classes are coded 1 and 2 (as in the file) and go so into BCEWithLogitsLoss; the loss
#   falls below zero
import argparse
import io

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset, random_split


def write_csv(seed, n=900):
    rng = np.random.default_rng(seed)
    buf = io.StringIO()
    buf.write("age,hours,income,debt,visits,class\n")
    for _ in range(n):
        c = rng.integers(1, 3)
        shift = 1.0 if c == 2 else 0.0
        row = [
            rng.normal(40 + 8 * shift, 9),
            rng.normal(35 - 5 * shift, 6),
            rng.normal(52 + 9 * shift, 10),
            rng.normal(12 + 1 * shift, 5),
            rng.poisson(3 + 2 * shift),
        ]
        buf.write(",".join(f"{v:.2f}" for v in row) + f",{c}\n")
    buf.seek(0)
    return buf


class CreditDataset(Dataset):
    def __init__(self, csv_file):
        table = np.loadtxt(csv_file, delimiter=",", skiprows=1, dtype=np.float32)
        x = table[:, :-1]
        self.x = torch.from_numpy((x - x.mean(axis=0)) / x.std(axis=0))
        self.y = torch.from_numpy(table[:, -1:])  # fault

    def __len__(self):
        return len(self.x)

    def __getitem__(self, idx):
        return self.x[idx], self.y[idx]


class LogisticMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(5, 20)
        self.l2 = nn.Linear(20, 1)

    def forward(self, x):
        return self.l2(torch.tanh(self.l1(x)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    dataset = CreditDataset(write_csv(args.seed))
    train_set, val_set = random_split(dataset, [720, 180])
    train_loader = DataLoader(train_set, batch_size=24, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=60)

    model = LogisticMLP()
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(12):
        model.train()
        running = 0.0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)  # fault
            loss.backward()
            optimizer.step()
            running += loss.item()
        model.eval()
        correct = 0
        with torch.no_grad():
            for inputs, labels in val_loader:
                predicted = torch.sigmoid(model(inputs)).round()
                correct += (predicted == labels).sum().item()
        print(f"epoch {epoch + 1}: loss {running / len(train_loader):.4f} "
              f"val accuracy {correct / len(val_set):.3f}")


if __name__ == "__main__":
    main()
