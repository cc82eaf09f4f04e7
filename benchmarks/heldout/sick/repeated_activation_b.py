# expect: repeated-activation
# note: conv_block already ends in a LeakyReLU and forward applies it again, so negative inputs are
#       damped twice (slope 0.04 instead of 0.2); the net still learns
import argparse
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Config:
    seed: int = 0
    epochs: int = 10
    batch: int = 50
    lr: float = 0.03


def conv_block(cin, cout):
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, padding=1),
        nn.BatchNorm2d(cout),
        nn.LeakyReLU(0.2),
    )


class BlobCounter(nn.Module):
    """Tells how many blobs (1 to 4) an image shows."""

    def __init__(self):
        super().__init__()
        self.block1 = conv_block(1, 10)
        self.block2 = conv_block(10, 16)
        self.fc = nn.Linear(16, 4)

    def forward(self, x):
        x = F.leaky_relu(self.block1(x), 0.2)  # fault
        x = F.max_pool2d(x, 2)
        x = F.leaky_relu(self.block2(x), 0.2)  # fault
        return self.fc(x.mean(dim=(2, 3)))


def blobs(n, size=16):
    count = torch.randint(1, 5, (n,))
    axis = torch.arange(size, dtype=torch.float32)
    img = torch.zeros(n, size, size)
    quadrant = torch.rand(n, 4).argsort(1)
    for k in range(4):
        q = quadrant[:, k]
        cy = 3.5 + 8 * (q // 2) + torch.rand(n)
        cx = 3.5 + 8 * (q % 2) + torch.rand(n)
        dist = (axis - cy[:, None])[:, :, None] ** 2 + (axis - cx[:, None])[:, None, :] ** 2
        img += torch.exp(-dist / 3) * (count > k)[:, None, None]
    img = (img - 0.1) / 0.25 + 0.2 * torch.randn_like(img)
    return img.unsqueeze(1), count - 1


def main(cfg):
    torch.manual_seed(cfg.seed)
    torch.set_num_threads(1)
    x_train, y_train = blobs(1000)
    x_val, y_val = blobs(300)
    net = BlobCounter()
    opt = torch.optim.SGD(net.parameters(), lr=cfg.lr, momentum=0.9, nesterov=True)
    for epoch in range(cfg.epochs):
        net.train()
        mean_loss = 0.0
        for rows in torch.randperm(len(x_train)).split(cfg.batch):
            loss = F.cross_entropy(net(x_train[rows]), y_train[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            mean_loss += loss.item() * len(rows) / len(x_train)
        net.eval()
        with torch.no_grad():
            acc = (net(x_val).argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch + 1:2d} loss {mean_loss:.4f} val acc {acc:.3f}")


if __name__ == "__main__":
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=Config.seed)
    main(Config(seed=cli.parse_args().seed))
