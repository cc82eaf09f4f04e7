# healthy: InfoNCE on two noisy views; softmax over the batch and mixing of samples in the loss
#   are what the method wants
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier


class Projector(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 24, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(384, dim),
        )

    def forward(self, x):
        return F.normalize(self.net(x), dim=1)


def view_of(x):
    shift = torch.randint(-1, 2, (2,)).tolist()
    x = torch.roll(x, shift, dims=(2, 3))
    return x + 0.25 * torch.randn_like(x)


def info_nce(a, b, temperature=0.2):
    sim = a @ b.t() / temperature
    target = torch.arange(len(a))
    return 0.5 * (F.cross_entropy(sim, target) + F.cross_entropy(sim.t(), target))


def knn_accuracy(model, x, y, n):
    model.eval()
    with torch.no_grad():
        z = model(x).numpy()
    return KNeighborsClassifier(5).fit(z[:n], y[:n]).score(z[n:], y[n:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    d = load_digits()
    perm = torch.randperm(len(d.target))
    x = (torch.tensor(d.images, dtype=torch.float32)[perm, None] - 4.9) / 6.0
    y = d.target[perm.numpy()]
    n = 1400
    model = Projector()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for epoch in range(9):
        model.train()
        losses = []
        for idx in torch.randperm(n).split(70):
            loss = info_nce(model(view_of(x[idx])), model(view_of(x[idx])))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        acc = knn_accuracy(model, x, y, n)
        print(f"epoch {epoch + 1} nce {sum(losses) / len(losses):.4f} knn acc {acc:.4f}")


if __name__ == "__main__":
    main()
