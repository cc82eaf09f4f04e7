# healthy: two-layer net written with bare tensors and its own momentum update; no module, no
# torch.optim, gradients are cleared by None before backward, and dropout stays on for Monte-Carlo
# prediction at the end
import argparse
import itertools

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def init(sizes):
    layers = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        w = torch.randn(fan_in, fan_out) * (2 / fan_in) ** 0.5
        layers.append((w.requires_grad_(), torch.zeros(fan_out, requires_grad=True)))
    return layers


def forward(layers, x, drop=0.0):
    for w, b in layers[:-1]:
        x = F.dropout((x @ w + b).clamp_min(0), drop, training=drop > 0)
    w, b = layers[-1]
    return x @ w + b


def sgd(params, velocity, lr, momentum=0.9, decay=1e-4):
    with torch.no_grad():
        for p, v in zip(params, velocity, strict=True):
            v.mul_(momentum).add_(p.grad + decay * p)
            p -= lr * v


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    x, y = (torch.tensor(a) for a in load_digits(return_X_y=True))
    x = x.float()
    x, xv, y, yv = train_test_split(x, y, test_size=0.25, random_state=seed, stratify=y)
    mean, std = x.mean(), x.std()
    x, xv = (x - mean) / std, (xv - mean) / std
    layers = init([64, 128, 64, 10])
    with torch.no_grad():
        layers[-1][0].mul_(0.1)
    params = [p for layer in layers for p in layer]
    velocity = [torch.zeros_like(p) for p in params]
    epochs, lr = 20, 0.04
    for epoch in range(epochs):
        rate = lr * (1 - epoch / epochs)
        total = 0.0
        for idx in torch.randperm(len(x)).split(48):
            loss = F.cross_entropy(forward(layers, x[idx], 0.2), y[idx])
            for p in params:
                p.grad = None
            loss.backward()
            sgd(params, velocity, rate)
            total += loss.item() * len(idx)
        with torch.no_grad():
            logits = forward(layers, xv)
            v = F.cross_entropy(logits, yv).item()
            acc = (logits.argmax(1) == yv).float().mean().item()
        print(f"epoch {epoch} train {total / len(x):.3f} val {v:.3f} acc {acc:.3f}")
    with torch.no_grad():
        draws = torch.stack([forward(layers, xv, 0.2).softmax(1) for _ in range(30)])
    mean = draws.mean(0)
    right = mean.argmax(1) == yv
    spread = draws.std(0).gather(1, mean.argmax(1, keepdim=True)).squeeze(1)
    print(f"MC dropout accuracy {right.float().mean():.3f}")
    print(f"spread when right {spread[right].mean():.3f}, when wrong {spread[~right].mean():.3f}")


if __name__ == "__main__":
    main()
