# expect: mutated-data
# accept: unscaled-input, split-drift, mismatched-normalisation
# note: the dataset standardises its stored rows in place each time they are read: every epoch
#   shifts them further
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Pixels(Dataset):
    def __init__(self, rows, labels, mean, std):
        self.rows = rows
        self.labels = labels
        self.mean = mean
        self.std = std

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        row = self.rows[i]  # fault
        row -= self.mean  # fault
        row /= self.std  # fault
        return row, self.labels[i]


def build_sets(seed):
    x, y = load_digits(return_X_y=True)
    g = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(x), generator=g)
    x = (torch.tensor(x, dtype=torch.float32) / 16)[order]
    y = torch.tensor(y)[order]
    mean, std = x[:1400].mean(), x[:1400].std()
    return Pixels(x[:1400], y[:1400], mean, std), Pixels(x[1400:], y[1400:], mean, std)


def run(model, loader, loss_fn, opt=None):
    model.train(opt is not None)
    loss_sum = hits = 0
    for x, y in loader:
        with torch.set_grad_enabled(opt is not None):
            out = model(x)
            loss = loss_fn(out, y)
        if opt is not None:
            opt.zero_grad()
            loss.backward()
            opt.step()
        loss_sum += loss.item() * len(y)
        hits += (out.argmax(1) == y).sum().item()
    n = len(loader.dataset)
    return loss_sum / n, hits / n


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=0.05)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    train_set, val_set = build_sets(args.seed)
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=100)
    model = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 32), nn.Tanh())
    model.append(nn.Linear(32, 10))
    opt = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(12):
        tl, ta = run(model, train_loader, loss_fn, opt)
        vl, va = run(model, val_loader, loss_fn)
        print(f"epoch {epoch:2d} train {tl:.3f}/{ta:.3f} val {vl:.3f}/{va:.3f}")
