# expect: double-sigmoid
# note: the predicted mask goes through a sigmoid before the loss with logits, which applies
#       another; the background can never cost less than 0.69 per pixel
import argparse

import torch
import torch.nn.functional as F
from torch import nn, optim


class MaskNet(nn.Module):
    """Small encoder-decoder with one skip connection."""

    def __init__(self, c=8):
        super().__init__()
        self.down = nn.Conv2d(1, c, 3, padding=1)
        self.mid = nn.Conv2d(c, 2 * c, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(2 * c, c, 2, stride=2)
        self.out = nn.Conv2d(2 * c, 1, 3, padding=1)

    def forward(self, x):
        a = F.relu(self.down(x))
        b = F.relu(self.mid(a))
        c = F.relu(self.up(b))
        return self.out(torch.cat([a, c], dim=1))


def discs(n, size=16):
    grid = torch.arange(size, dtype=torch.float32)
    cy, cx = 4 + 8 * torch.rand(2, n, 1, 1)
    radius = 2.5 + 2.5 * torch.rand(n, 1, 1)
    mask = ((grid[:, None] - cy) ** 2 + (grid[None, :] - cx) ** 2 <= radius**2).float()
    contrast = 1.0 + torch.rand(n, 1, 1)
    image = contrast * mask + 0.6 * torch.randn(n, size, size)
    image = (image - image.mean()) / image.std()
    return image.unsqueeze(1), mask.unsqueeze(1)


def iou(prob, mask):
    pred = prob > 0.5
    mask = mask > 0.5
    return ((pred & mask).sum() / (pred | mask).sum()).item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    train_x, train_m = discs(600)
    val_x, val_m = discs(150)
    net = MaskNet()
    optimizer = optim.Adam(net.parameters(), lr=4e-3)
    for epoch in range(8):
        net.train()
        losses = []
        for idx in torch.randperm(600).split(24):
            pred = torch.sigmoid(net(train_x[idx]))  # fault
            loss = F.binary_cross_entropy_with_logits(pred, train_m[idx])  # fault
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        net.eval()
        with torch.no_grad():
            pred = torch.sigmoid(net(val_x))
        mean = sum(losses) / len(losses)
        print(f"epoch {epoch + 1}  loss {mean:.4f}  val iou {iou(pred, val_m):.4f}")


if __name__ == "__main__":
    main()
