# expect: split-overlap
# note: two different permutations are cut, most validation images are training images as well
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class SmallConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.head = nn.Linear(32 * 2 * 2, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.head(x.flatten(1))


def load(n_images, holdout, generator):
    digits = load_digits()
    images = torch.tensor(digits.images[:n_images], dtype=torch.float32).unsqueeze(1)
    labels = torch.tensor(digits.target[:n_images])
    images = (images / 16.0 - 0.3) / 0.38
    n = len(images)
    train = torch.randperm(n, generator=generator)[holdout:]
    val = torch.randperm(n, generator=generator)[:holdout]  # fault
    return images[train], labels[train], images[val], labels[val]


def run(seed, epochs=25, batch_size=32, lr=0.05):
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    g = torch.Generator().manual_seed(seed)
    xt, yt, xv, yv = load(700, 200, g)
    model = SmallConvNet()
    sgd = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for epoch in range(1, epochs + 1):
        model.train()
        losses = []
        for batch in torch.randperm(len(xt), generator=g).split(batch_size):
            loss = F.cross_entropy(model(xt[batch]), yt[batch])
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            logits = model(xv)
        val_loss = F.cross_entropy(logits, yv).item()
        acc = (logits.argmax(1) == yv).float().mean().item()
        mean_loss = sum(losses) / len(losses)
        print(f"epoch {epoch:2d} | loss {mean_loss:.4f} | val loss {val_loss:.4f} | acc {acc:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="small conv net on 8x8 digits")
    parser.add_argument("--seed", type=int, default=0)
    run(parser.parse_args().seed)
