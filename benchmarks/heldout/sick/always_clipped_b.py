# expect: always-clipped
# accept: lr-too-low, tiny-updates
# note: clip_grad_value_ cuts every gradient entry to 1e-5, far below their usual size, so SGD takes
#       steps of 1e-6 per weight and the picture is not learned
import argparse
import math

import torch
from torch import nn
from torch.nn.utils import clip_grad_value_


class CoordinateNet(nn.Module):
    """Maps a pixel position to its colour, with fixed sine features in front."""

    def __init__(self, n_freq=4, hidden=48):
        super().__init__()
        self.register_buffer("freq", math.pi * 2.0 ** torch.arange(n_freq).float() / 2)
        self.net = nn.Sequential(
            nn.Linear(4 * n_freq, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 3),
        )

    def forward(self, pos):
        angle = (pos.unsqueeze(-1) * self.freq).flatten(1)
        return self.net(1.41 * torch.cat([angle.sin(), angle.cos()], dim=1))


def picture(size=40):
    """Three soft coloured rings on a slanted gradient."""
    axis = torch.linspace(-1, 1, size)
    yy, xx = torch.meshgrid(axis, axis, indexing="ij")
    img = torch.stack([0.5 * xx, 0.5 * yy, -0.25 * (xx + yy)], dim=-1)
    for cy, cx, r, colour in [(-0.3, 0.2, 0.5, 0), (0.4, -0.3, 0.4, 1), (0.1, 0.5, 0.3, 2)]:
        ring = ((yy - cy) ** 2 + (xx - cx) ** 2).sqrt() - r
        img[..., colour] += 1.5 * torch.exp(-((ring / 0.12) ** 2))
    img = (img - img.mean()) / img.std()
    return torch.stack([yy, xx], dim=-1).reshape(-1, 2), img.reshape(-1, 3)


def psnr(model, pos, rgb):
    with torch.no_grad():
        mse = (model(pos) - rgb).pow(2).mean()
    peak = rgb.max() - rgb.min()
    return (20 * peak.log10() - 10 * mse.log10()).item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clip", type=float, default=1e-5)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    pos, rgb = picture()
    perm = torch.randperm(len(pos))
    held_out, seen = perm[:320], perm[320:]
    model = CoordinateNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(20):
        total = 0.0
        for idx in seen[torch.randperm(len(seen))].split(64):
            loss = (model(pos[idx]) - rgb[idx]).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            clip_grad_value_(model.parameters(), args.clip)  # fault
            optimizer.step()
            total += loss.item() * len(idx) / len(seen)
        quality = psnr(model, pos[held_out], rgb[held_out])
        print(f"epoch {epoch:2d}  mse {total:.4f}  psnr on held-out pixels {quality:.2f} dB")


if __name__ == "__main__":
    main()
