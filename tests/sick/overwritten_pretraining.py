# expect: overwritten-pretraining
# note: the pretrained net is loaded, then apply(init_weights) draws all its weights anew
import argparse
import io

import torch
from sklearn.datasets import load_digits
from torch import nn


def init_weights(m):
    if isinstance(m, nn.Conv2d | nn.Linear):
        nn.init.kaiming_uniform_(m.weight, nonlinearity="relu")
        nn.init.zeros_(m.bias)


class Classifier(nn.Module):
    def __init__(self, n_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.head = nn.Linear(128, n_classes)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        return self.head(x.flatten(1))


def fit(model, x, y, epochs, batch, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(epochs):
        total = 0.0
        for idx in torch.randperm(len(x)).split(batch):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        yield total / len(x)


def accuracy(model, x, y):
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1)
    x, y = (x - x.mean()) / x.std(), torch.tensor(digits.target)
    order = torch.randperm(len(x))
    source, target, val = order[:1200], order[1200:1260], order[1260:]

    # stage 1: plenty of labelled images from the old, noisy scanner
    noisy = x + 0.4 * torch.randn(x.shape)
    pretrained = Classifier()
    pretrained.apply(init_weights)
    for epoch, loss in enumerate(fit(pretrained, noisy[source], y[source], 8, 40, 2e-3)):
        acc = accuracy(pretrained, noisy[val], y[val])
        print(f"pretraining {epoch}: loss {loss:.4f} val acc {acc:.4f}")
    checkpoint = io.BytesIO()
    torch.save(pretrained.state_dict(), checkpoint)

    # stage 2: few labels from the new scanner
    checkpoint.seek(0)
    model = Classifier()
    model.load_state_dict(torch.load(checkpoint))
    model.apply(init_weights)  # fault
    for epoch, loss in enumerate(fit(model, x[target], y[target], 20, 15, 1e-3)):
        if epoch % 4 == 3:
            acc = accuracy(model, x[val], y[val])
            print(f"fine-tuning {epoch}: loss {loss:.4f} val acc {acc:.4f}")


if __name__ == "__main__":
    main()
