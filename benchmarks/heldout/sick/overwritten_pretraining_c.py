# expect: overwritten-pretraining
# note: checkpoint keys start with "module.", load_state_dict(strict=False) drops them all,
#   encoder stays random
import argparse
import io

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class Encoder(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.proj = nn.Linear(32 * 16, dim)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        return F.relu(self.proj(x.flatten(1)))


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.module = Encoder()
        self.decoder = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 64))

    def forward(self, x):
        return self.decoder(self.module(x))


class FewShotClassifier(nn.Module):
    def __init__(self, state):
        super().__init__()
        self.encoder = Encoder()
        self.encoder.load_state_dict(state, strict=False)  # fault
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.encoder(x))


def pretrain(images, epochs=12):
    net = Autoencoder()
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    for epoch in range(epochs):
        total = 0.0
        for idx in torch.randperm(len(images)).split(64):
            x = images[idx]
            noisy = x * (torch.rand_like(x) > 0.3)
            loss = F.mse_loss(net(noisy), x.flatten(1))
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(idx)
        print(f"pretrain {epoch}: {total / len(images):.4f}")
    buffer = io.BytesIO()
    torch.save({"model": net.state_dict()}, buffer)
    buffer.seek(0)
    return buffer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    d = load_digits()
    order = torch.randperm(len(d.target))
    x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1)[order] / 16
    y = torch.tensor(d.target)[order]
    x_unlabelled, x_few, y_few = x[:1200], x[1200:1260], y[1200:1260]
    x_val, y_val = x[1260:], y[1260:]

    checkpoint = torch.load(pretrain(x_unlabelled))
    state = {k: v for k, v in checkpoint["model"].items() if not k.startswith("decoder")}  # fault
    model = FewShotClassifier(state)
    optimizer = torch.optim.Adam([
        {"params": model.encoder.parameters(), "lr": 1e-4},
        {"params": model.head.parameters(), "lr": 1e-2},
    ])
    for epoch in range(25):
        model.train()
        for idx in torch.randperm(len(x_few)).split(12):
            loss = F.cross_entropy(model(x_few[idx]), y_few[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            acc = (model(x_val).argmax(1) == y_val).float().mean().item()
        print(f"finetune {epoch}: loss {loss.item():.4f} val acc {acc:.3f}")


if __name__ == "__main__":
    main()
