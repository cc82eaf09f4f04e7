# expect: wrong-class-weights
# note: ignore_index=0 was copied from a project where 0 meant "unlabelled"; here 0 is the
#       background class, so four fifths of the pixels are ignored and background is hardly ever
#       predicted
import argparse

import torch
import torch.nn.functional as F
from torch import nn

CLASSES = ("background", "disc", "square")


def scenes(n, size=16):
    """One disc and one square on a noisy background."""
    grid = torch.arange(size)
    image, target = torch.zeros(n, size, size), torch.zeros(n, size, size, dtype=torch.long)
    left = torch.rand(n, 1, 1) < 0.5
    for kind in (1, 2):
        on_left = left if kind == 1 else ~left
        cx = torch.where(on_left, torch.randint(3, 6, (n, 1, 1)), torch.randint(10, 13, (n, 1, 1)))
        cy = torch.randint(4, size - 4, (n, 1, 1))
        dy, dx = (grid[:, None] - cy).abs(), (grid[None, :] - cx).abs()
        inside = dy**2 + dx**2 <= 9 if kind == 1 else torch.maximum(dy, dx) <= 2
        target[inside] = kind
        image += inside * (1.5 if kind == 1 else -1.5)
    return (image + 0.5 * torch.randn_like(image)).unsqueeze(1), target


class Segmenter(nn.Sequential):
    def __init__(self, width=12):
        super().__init__(
            nn.Conv2d(1, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, len(CLASSES), 1),
        )


def class_iou(pred, target):
    values = []
    for k in range(len(CLASSES)):
        union = ((pred == k) | (target == k)).sum()
        values.append((((pred == k) & (target == k)).sum() / union).item())
    return values


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x_train, t_train = scenes(480)
    x_val, t_val = scenes(120)
    model = Segmenter()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for epoch in range(6):
        model.train()
        total = 0.0
        for idx in torch.randperm(480).split(16):
            loss = F.cross_entropy(model(x_train[idx]), t_train[idx], ignore_index=0)  # fault
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / 30
        model.eval()
        with torch.no_grad():
            iou = class_iou(model(x_val).argmax(1), t_val)
        text = "  ".join(f"{c} {v:.3f}" for c, v in zip(CLASSES, iou))
        print(f"epoch {epoch + 1}: loss {total:.4f}  iou {text}")


if __name__ == "__main__":
    main()
