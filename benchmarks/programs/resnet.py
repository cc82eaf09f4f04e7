"""Residual network of 18 layers and width 32 on 32x32 images."""

import argparse
import json
import time

import torch
import torch.nn.functional as F
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--size", choices=["small", "full"], default="full")
parser.add_argument("--warm-up", type=int, default=3)
args = parser.parse_args()
width, batch, steps = {"small": (16, 16, 60), "full": (32, 64, 40)}[args.size]


class Block(nn.Module):
    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x):
        h = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(h)) + self.shortcut(x))


def resnet18(width):
    layers = [nn.Conv2d(3, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    channels_in = width
    for i in range(4):
        channels = width * 2**i
        layers += [Block(channels_in, channels, 1 if i == 0 else 2), Block(channels, channels, 1)]
        channels_in = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels_in, 10))


torch.manual_seed(0)
torch.set_num_threads(1)
labels = torch.randint(0, 10, (512,))
images = torch.randn(512, 3, 32, 32) + torch.randn(10, 3, 32, 32)[labels]
model = resnet18(width)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)

times = []
while len(times) < steps:
    for chosen in torch.randperm(len(images)).split(batch):
        times.append(time.process_time())
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images[chosen]), labels[chosen])
        loss.backward()
        optimizer.step()
        if len(times) == steps:
            break

seconds = [after - before for before, after in zip(times[args.warm_up :], times[args.warm_up + 1 :])]
print(json.dumps({"step_seconds": seconds, "loss": loss.item()}))
