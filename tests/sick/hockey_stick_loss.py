# expect: wrong-final-bias
# accept: hockey-stick-loss, unexpected-initial-loss, class-imbalance
# note: one pixel in fifty belongs to an object but the output starts at one half; the loss falls
#   from 0.7 to 0.1 by learning the bias alone, what matters happens in the flat rest
import argparse

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def scenes(n, size=20):
    """Noisy images with one small bright disc among dark ones; the mask is the bright disc."""
    grid = torch.arange(size).float()
    yy, xx = torch.meshgrid(grid, grid, indexing="ij")
    image, mask = 0.3 * torch.randn(n, 1, size, size), None
    for brightness in (1.0, -1.0, -1.0):
        centre = torch.rand(n, 2, 1, 1) * (size - 6) + 3
        inside = ((yy - centre[:, 0]) ** 2 + (xx - centre[:, 1]) ** 2 < 2.6).unsqueeze(1)
        image = image + brightness * inside
        mask = inside.float() if mask is None else mask
    return image, mask


def segmenter(channels=12):
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, 1, 1),  # fault
    )


def intersection_over_union(logits, mask):
    predicted, actual = logits > 0, mask > 0.5
    return ((predicted & actual).sum() / (predicted | actual).sum().clamp(min=1)).item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    images, masks = scenes(900)
    train = TensorDataset(images[:750], masks[:750])
    loader = DataLoader(train, batch_size=25, shuffle=True)
    model = segmenter()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(args.epochs):
        model.train()
        losses = []
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.binary_cross_entropy_with_logits(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            logits = model(images[750:])
            val = F.binary_cross_entropy_with_logits(logits, masks[750:]).item()
        iou = intersection_over_union(logits, masks[750:])
        print(
            f"epoch {epoch} first batch {losses[0]:.4f} last batch {losses[-1]:.4f} "
            f"val {val:.4f} IoU {iou:.3f}"
        )


if __name__ == "__main__":
    main()
