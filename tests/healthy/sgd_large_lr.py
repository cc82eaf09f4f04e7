# healthy: functional style, bare weight tensors handed to plain SGD with a constant learning rate
# of 0.5; far above the usual value but right for this small tanh network with scaled inputs
import argparse
import math

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--lr", type=float, default=0.5)
parser.add_argument("--epochs", type=int, default=30)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

wine = load_wine()
x = torch.tensor(wine.data, dtype=torch.float32)
y = torch.tensor(wine.target)
perm = torch.randperm(len(x))
train_idx, test_idx = perm[:128], perm[128:]
x = (x - x[train_idx].mean(0)) / x[train_idx].std(0)
x_train, y_train, x_test, y_test = x[train_idx], y[train_idx], x[test_idx], y[test_idx]


def init(fan_in, fan_out):
    w = torch.randn(fan_in, fan_out) / math.sqrt(fan_in)
    return w.requires_grad_(), torch.zeros(fan_out, requires_grad=True)


w1, b1 = init(13, 24)
w2, b2 = init(24, 3)
optimizer = torch.optim.SGD([w1, b1, w2, b2], lr=args.lr, weight_decay=0.01)


def model(xb):
    return torch.tanh(xb @ w1 + b1) @ w2 + b2


def accuracy(out, yb):
    return (out.argmax(dim=1) == yb).float().mean()


bs = 32
for epoch in range(args.epochs):
    order = torch.randperm(len(x_train))
    for i in range(0, len(x_train), bs):
        xb, yb = x_train[order[i : i + bs]], y_train[order[i : i + bs]]
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    if (epoch + 1) % 5 == 0:
        with torch.no_grad():
            train_out, test_out = model(x_train), model(x_test)
        print(epoch + 1, f"train {F.cross_entropy(train_out, y_train):.4f}",
              f"test {F.cross_entropy(test_out, y_test):.4f} acc {accuracy(test_out, y_test):.3f}")
