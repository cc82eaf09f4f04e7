# healthy: small U-Net with BCE plus Dice; most pixels are background by nature; validation
# averages over flipped copies of the image (test-time augmentation, deliberate)
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def double_conv(cin, cout):
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(),
        nn.Conv2d(cout, cout, 3, padding=1, bias=False), nn.BatchNorm2d(cout), nn.ReLU(),
    )


class UNet(nn.Module):
    def __init__(self, base=8):
        super().__init__()
        self.down1, self.down2 = double_conv(1, base), double_conv(base, 2 * base)
        self.bottom = double_conv(2 * base, 4 * base)
        self.up2 = nn.ConvTranspose2d(4 * base, 2 * base, 2, stride=2)
        self.conv2 = double_conv(4 * base, 2 * base)
        self.up1 = nn.ConvTranspose2d(2 * base, base, 2, stride=2)
        self.conv1 = double_conv(2 * base, base)
        self.out = nn.Conv2d(base, 1, 1)

    def forward(self, x):
        d1 = self.down1(x)
        d2 = self.down2(F.max_pool2d(d1, 2))
        h = self.bottom(F.max_pool2d(d2, 2))
        h = self.conv2(torch.cat([self.up2(h), d2], dim=1))
        h = self.conv1(torch.cat([self.up1(h), d1], dim=1))
        return self.out(h)


def cells(n, rng, size=20):
    """Bright blobs are cells, bright stripes are dirt."""
    yy, xx = np.mgrid[:size, :size]
    image = rng.normal(0, 0.4, (n, size, size))
    mask = np.zeros((n, size, size), dtype=bool)
    for i in range(n):
        for _ in range(rng.integers(1, 4)):
            cy, cx, r = rng.uniform(3, size - 3), rng.uniform(3, size - 3), rng.uniform(2, 3.5)
            mask[i] |= (yy - cy) ** 2 + (xx - cx) ** 2 < r**2
        angle, offset = rng.uniform(0, np.pi), rng.uniform(-4, 4)
        line = (yy - size / 2) * np.sin(angle) + (xx - size / 2) * np.cos(angle) - offset
        image[i] += 1.2 * (np.abs(line) < 0.8)
    image += 1.2 * mask
    image = (image - image.mean()) / image.std()
    to = torch.float32
    return torch.tensor(image[:, None], dtype=to), torch.tensor(mask[:, None], dtype=to)


def dice_loss(logits, target, smooth=1.0):
    p = logits.sigmoid().flatten(1)
    t = target.flatten(1)
    return 1 - ((2 * (p * t).sum(1) + smooth) / (p.sum(1) + t.sum(1) + smooth)).mean()


@torch.no_grad()
def predict_tta(model, x):
    model.eval()
    logits = model(x) + model(x.flip(3)).flip(3) + model(x.flip(2)).flip(2)
    return logits / 3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    (x, y), (x_val, y_val) = cells(500, rng), cells(100, rng)
    model = UNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=9)
    for epoch in range(9):
        model.train()
        losses = []
        for idx in torch.randperm(len(x)).split(25):
            xb, yb = x[idx], y[idx]
            if torch.rand(()) < 0.5:
                xb, yb = xb.flip(3), yb.flip(3)
            logits = model(xb)
            loss = F.binary_cross_entropy_with_logits(logits, yb) + dice_loss(logits, yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        pred = predict_tta(model, x_val) > 0
        iou = (pred & y_val.bool()).sum().item() / (pred | y_val.bool()).sum().item()
        print(f"epoch {epoch} loss {np.mean(losses):.4f} val IoU {iou:.4f}")


if __name__ == "__main__":
    main()
