# expect: badly-scaled-init
# accept: unexpected-initial-loss, exploding-gradient
# note: kernels drawn from N(0, 1): activations grow with every layer, the loss starts near 1000
import argparse

import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)
rng = np.random.default_rng(args.seed)


def textures(n, size=12):
    """Patches of horizontal, vertical and diagonal stripes and of dots, in noise."""
    yy, xx = np.mgrid[:size, :size]
    label = rng.integers(0, 4, n)
    phase = rng.uniform(0, 2 * np.pi, (2, n, 1, 1))
    k = 2 * np.pi / rng.uniform(3.0, 5.0, (n, 1, 1))
    waves = [
        np.sin(k * yy + phase[0]),
        np.sin(k * xx + phase[0]),
        np.sin(k * (xx + yy) / 1.4 + phase[0]),
        1.4 * np.sin(k * xx + phase[0]) * np.sin(k * yy + phase[1]),
    ]
    images = np.stack(waves)[label, np.arange(n)] + rng.normal(0, 0.5, (n, size, size))
    images = images / images.std()
    return torch.tensor(images[:, None], dtype=torch.float32), torch.tensor(label)


def weights_init(m):
    if isinstance(m, nn.Conv2d | nn.Linear):
        torch.nn.init.normal_(m.weight)  # fault
        torch.nn.init.zeros_(m.bias)


layers, channels = [], 1
for width in (16, 16, 24):
    layers += [nn.Conv2d(channels, width, 3), nn.ReLU()]
    channels = width
model = nn.Sequential(*layers, nn.AvgPool2d(3), nn.Flatten(), nn.Linear(24 * 4, 4))
model.apply(weights_init)

x_train, y_train = textures(1200)
x_val, y_val = textures(300)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(10):
    model.train()
    batch_losses = []
    for idx in torch.randperm(1200).view(-1, 40):
        loss = criterion(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        batch_losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        logits = model(x_val)
    val_loss = criterion(logits, y_val).item()
    acc = (logits.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch}: loss {np.mean(batch_losses):.4f} val {val_loss:.4f} acc {acc:.3f}")
