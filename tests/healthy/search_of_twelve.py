# healthy: a search over width, rate and weight decay: twelve models are made and trained one after another, the best is
# trained again on all data
import argparse
import itertools

import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn


def fit(x, y, width, lr, decay, epochs):
    model = nn.Sequential(nn.Linear(30, width), nn.ReLU(), nn.Linear(width, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=decay)
    for _ in range(epochs):
        model.train()
        for pick in torch.randperm(len(x)).split(16):
            loss = F.binary_cross_entropy_with_logits(model(x[pick]).squeeze(1), y[pick])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model


@torch.no_grad()
def accuracy(model, x, y):
    model.eval()
    return ((model(x).squeeze(1) > 0) == (y > 0.5)).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = load_breast_cancer(return_X_y=True)
    x_fit, x_test, y_fit, y_test = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
    scaler = StandardScaler().fit(x_fit)
    x_fit, x_test = (torch.tensor(scaler.transform(part), dtype=torch.float32) for part in (x_fit, x_test))
    y_fit, y_test = (torch.tensor(part, dtype=torch.float32) for part in (y_fit, y_test))
    x_train, x_val, y_train, y_val = x_fit[:340], x_fit[340:], y_fit[:340], y_fit[340:]

    results = {}
    for width, lr, decay in itertools.product((8, 16, 32), (1e-3, 3e-3), (0.01, 0.1)):
        model = fit(x_train, y_train, width, lr, decay, epochs=15)
        results[width, lr, decay] = accuracy(model, x_val, y_val)
        print(f"width {width} lr {lr} decay {decay}: {results[width, lr, decay]:.4f}")
    best = max(results, key=results.get)
    model = fit(x_fit, y_fit, *best, epochs=15)
    print(f"best {best}: test accuracy {accuracy(model, x_test, y_test):.4f}")


if __name__ == "__main__":
    main()
