# expect: non-finite-input
# note: three pixels never vary, 0/0 makes them NaN in every image and the loss is NaN at once
# mend: std = x_train.std(axis=0) -> std = x_train.std(axis=0) + 1e-6
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

digits = load_digits()
x_train, x_val, y_train, y_val = train_test_split(
    digits.data, digits.target, test_size=400, stratify=digits.target, random_state=args.seed
)

mean = x_train.mean(axis=0)
std = x_train.std(axis=0)
with np.errstate(all="ignore"):
    x_train = (x_train - mean) / std  # fault
    x_val = (x_val - mean) / std  # fault

x_train = torch.from_numpy(x_train).float().clamp(-5, 5)
x_val = torch.from_numpy(x_val).float().clamp(-5, 5)
y_train, y_val = torch.from_numpy(y_train), torch.from_numpy(y_val)

w1 = (torch.randn(64, 50) / 8).requires_grad_()
b1 = torch.zeros(50, requires_grad=True)
w2 = (torch.randn(50, 10) / 50**0.5).requires_grad_()
b2 = torch.zeros(10, requires_grad=True)
params = [w1, b1, w2, b2]
optimizer = torch.optim.SGD(params, lr=0.1)


def net(x):
    return torch.relu(x @ w1 + b1) @ w2 + b2


for epoch in range(8):
    for batch in torch.randperm(len(x_train)).split(32):
        loss = torch.nn.functional.cross_entropy(net(x_train[batch]), y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        train_loss = torch.nn.functional.cross_entropy(net(x_train), y_train)
        logits = net(x_val)
        val_loss = torch.nn.functional.cross_entropy(logits, y_val)
        acc = (logits.argmax(dim=1) == y_val).double().mean()
    print(f"{epoch} train={train_loss:.4f} val={val_loss:.4f} acc={acc:.4f}")
