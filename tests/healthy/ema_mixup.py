# healthy: mixup (two labels per image, so the training loss stays high and training accuracy says
# little) and an exponential moving average of the weights, which is what gets evaluated
import argparse
import copy

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class ModelEMA:
    def __init__(self, model, decay):
        self.module = copy.deepcopy(model).eval()
        self.module.requires_grad_(False)
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, model):
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for ema_v, v in zip(self.module.state_dict().values(), model.state_dict().values()):
            if v.dtype.is_floating_point:
                ema_v.mul_(decay).add_(v, alpha=1 - decay)
            else:
                ema_v.copy_(v)


def mixup(x, y, alpha):
    lam = float(np.random.beta(alpha, alpha))
    index = torch.randperm(x.size(0))
    return lam * x + (1 - lam) * x[index], y, y[index], lam


def build_model():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(128, 10),
    )


def test(model, x, y):
    model.eval()
    with torch.no_grad():
        logits = model(x)
    return F.cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--alpha", type=float, default=0.4)
    parser.add_argument("--ema-decay", type=float, default=0.98)
    args = parser.parse_args()
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 8 - 1
    y = torch.tensor(digits.target)
    perm = torch.randperm(len(x))
    train_idx, test_idx = perm[:1440], perm[1440:]

    model = build_model()
    ema = ModelEMA(model, args.ema_decay)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    steps = args.epochs * 30
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    for epoch in range(args.epochs):
        model.train()
        loss_sum = 0.0
        for idx in train_idx[torch.randperm(len(train_idx))].split(48):
            mixed, y_a, y_b, lam = mixup(x[idx], y[idx], args.alpha)
            out = model(mixed)
            loss = lam * F.cross_entropy(out, y_a) + (1 - lam) * F.cross_entropy(out, y_b)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            ema.update(model)
            loss_sum += loss.item()
        raw, avg = test(model, x[test_idx], y[test_idx]), test(ema.module, x[test_idx], y[test_idx])
        print(f"epoch {epoch} train_loss {loss_sum / 30:.4f} test {raw[0]:.4f}/{raw[1]:.4f} "
              f"ema {avg[0]:.4f}/{avg[1]:.4f}")


if __name__ == "__main__":
    main()
