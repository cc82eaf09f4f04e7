# expect: repeated-worker-rng
# accept: duplicate-samples
# note: each worker gets a copy of the same generator every epoch: both draw the same images again
# mend: draw(self.rng) -> draw(np.random.default_rng(torch.randint(2**62, ()).item()))
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

SIZE = 12


def draw(rng):
    """A noisy image of a frame, a disc, a cross or a bar."""
    kind = int(rng.integers(4))
    cy, cx = rng.uniform(3.5, SIZE - 4.5, 2)
    radius = rng.uniform(2.0, 3.5)
    yy, xx = np.mgrid[:SIZE, :SIZE]
    dy, dx = np.abs(yy - cy), np.abs(xx - cx)
    if kind == 0:
        image = np.abs(np.maximum(dy, dx) - radius) < 0.6
    elif kind == 1:
        image = dy**2 + dx**2 < radius**2
    elif kind == 2:
        image = (np.minimum(dy, dx) < 0.6) & (np.maximum(dy, dx) < radius)
    else:
        image = (dy < 1.1) & (dx < radius)
    image = image * rng.uniform(0.6, 1.4) + rng.normal(0, 0.5, image.shape)
    return torch.tensor((image[None] - 0.15) / 0.6, dtype=torch.float32), kind


class Shapes(Dataset):
    def __init__(self, length, seed):
        self.length = length
        self.rng = np.random.default_rng(seed)  # fault

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        return draw(self.rng)  # fault


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc = nn.Linear(32 * 9, 4)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv1(x)), 2)
        x = nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    val_rng = np.random.default_rng(args.seed + 1000)
    xs, ys = zip(*[draw(val_rng) for _ in range(400)], strict=True)
    val_loader = DataLoader(TensorDataset(torch.stack(xs), torch.tensor(ys)), batch_size=200)
    loader = DataLoader(Shapes(1600, args.seed), batch_size=32, num_workers=2)  # fault

    model = ConvNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(10):
        losses = []
        for x, y in loader:
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            out = [(model(x), y) for x, y in val_loader]
        val = np.mean([nn.functional.cross_entropy(o, y).item() for o, y in out])
        acc = np.mean([(o.argmax(1) == y).float().mean().item() for o, y in out])
        print(f"epoch {epoch}: train {np.mean(losses):.4f} val {val:.4f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
