# expect: lr-too-low
# accept: noisy-first-layer, tiny-updates, frozen-parameters, parameters-not-in-optimizer
# note: layer-wise decay of the rate by 0.03 per layer, in a net trained from scratch; the first layer
#   gets 5e-8, keeps the noise it was drawn as, and only the top layer learns
import argparse

import torch
from torch import nn


def fields(n, size=14):
    """Smooth random fields; is there a ridge from the left to the right or from top to bottom?"""
    low = torch.randn(n, 1, 5, 5)
    label = torch.randint(2, (n,))
    stripe = torch.zeros(n, 1, 5, 5)
    line = torch.randint(1, 4, (n,))
    across = label == 0
    stripe[across, 0, line[across]] = 1.6
    stripe[~across, 0, :, line[~across]] = 1.6
    field = nn.functional.interpolate(low + stripe, size=(size, size), mode="bilinear")
    field = field + 0.3 * torch.randn(n, 1, size, size)
    return field.flatten(1), label


class FieldNet(nn.Module):
    def __init__(self, pixels=196, hidden=48):
        super().__init__()
        self.first = nn.Linear(pixels, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.third = nn.Linear(hidden, hidden)
        self.top = nn.Linear(hidden, 2)

    def forward(self, x):
        x = torch.relu(self.first(x))
        x = torch.relu(self.second(x))
        x = torch.relu(self.third(x))
        return self.top(x)


def layerwise_groups(model, lr, decay):
    layers = list(model.children())
    depth = len(layers)
    return [
        {"params": layer.parameters(), "lr": lr * decay ** (depth - 1 - i)}  # fault
        for i, layer in enumerate(layers)
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--layer-decay", type=float, default=0.03)  # fault
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = fields(4500)
    x_val, y_val, x, y = x[4000:], y[4000:], x[:4000], y[:4000]
    model = FieldNet()
    groups = layerwise_groups(model, 2e-3, args.layer_decay)
    optimizer = torch.optim.AdamW(groups, weight_decay=0.05)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        model.train()
        total, hits = 0.0, 0
        for rows in torch.randperm(len(x)).split(50):
            logits = model(x[rows])
            loss = criterion(logits, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
            hits += (logits.argmax(1) == y[rows]).sum().item()
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            val = criterion(logits, y_val).item()
            acc = (logits.argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch} {total / len(x):.4f} {hits / len(x):.3f} | val {val:.4f} {acc:.3f}")


if __name__ == "__main__":
    main()
