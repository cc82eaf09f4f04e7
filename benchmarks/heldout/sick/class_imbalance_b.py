# expect: class-imbalance
# accept: split-drift
# note: the quality filter on the centre pixels removes nearly every zero from the training set
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn


def clean(images, labels, threshold=4.0):
    """Drop scans whose centre is blank (badly cropped)."""
    ink = images[:, 3:5, 3:5].mean(axis=(1, 2))
    keep = ink > threshold  # fault
    print(f"kept {keep.sum()} of {len(images)} scans")
    return images[keep], labels[keep]


def to_tensors(images, labels):
    x = torch.as_tensor(images, dtype=torch.float32)[:, None] / 8.0 - 0.6
    return x, torch.as_tensor(labels)


def conv_block(c_in, c_out):
    return nn.Sequential(
        nn.Conv2d(c_in, c_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(c_out),
        nn.SiLU(),
        nn.AvgPool2d(2),
    )


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

digits = load_digits()
order = np.random.default_rng(args.seed).permutation(len(digits.images))
train_rows, val_rows = order[:1300], order[1300:]
images, labels = clean(digits.images[train_rows], digits.target[train_rows])
x_train, y_train = to_tensors(images, labels)
x_val, y_val = to_tensors(digits.images[val_rows], digits.target[val_rows])

model = nn.Sequential(conv_block(1, 12), conv_block(12, 24), nn.Flatten(), nn.Linear(24 * 4, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(10):
    model.train()
    perm = torch.randperm(len(x_train))
    epoch_loss = 0.0
    for batch in perm.split(64):
        optimizer.zero_grad()
        loss = loss_fn(model(x_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * len(batch)
    model.eval()
    with torch.no_grad():
        pred = model(x_val).argmax(1)
    per_class = [(pred[y_val == c] == c).float().mean().item() for c in range(10)]
    print(
        f"epoch {epoch} loss {epoch_loss / len(perm):.4f} "
        f"acc {(pred == y_val).float().mean():.4f} per class "
        + " ".join(f"{a:.2f}" for a in per_class)
    )
