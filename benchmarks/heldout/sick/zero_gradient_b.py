# expect: clipped-loss
# accept: zero-gradient, loss-flat
# note: the loss of every sample, not the gradient, is capped at 1.0 against outliers; the first loss
#   of all samples is above, so every gradient is exactly zero and nothing is ever learned
import argparse

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn


def robust_cross_entropy(logits, target, cap):
    per_sample = nn.functional.cross_entropy(logits, target, reduction="none")
    return per_sample.clamp(max=cap).mean()  # fault


def load(seed=0):
    x, y = load_wine(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.3, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(x_train)
    arrays = scaler.transform(x_train), y_train, scaler.transform(x_test), y_test
    x_train, y_train, x_test, y_test = map(torch.as_tensor, arrays)
    return x_train.float(), y_train, x_test.float(), y_test


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--cap", type=float, default=1.0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y, x_test, y_test = load()
    model = nn.Sequential(nn.Linear(13, 24), nn.SELU(), nn.Linear(24, 3))
    nn.init.zeros_(model[-1].weight)
    nn.init.zeros_(model[-1].bias)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.0)
    for step in range(1, args.steps + 1):
        rows = torch.randint(len(x), (32,))
        loss = robust_cross_entropy(model(x[rows]), y[rows], args.cap)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 30 == 0:
            with torch.no_grad():
                logits = model(x_test)
                test_loss = nn.functional.cross_entropy(logits, y_test).item()
                acc = (logits.argmax(1) == y_test).float().mean().item()
            print(f"step {step} loss {loss.item():.4f} test loss {test_loss:.4f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
