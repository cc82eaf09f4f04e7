# expect: unused-parameters
# note: the middle convolution (and its norm) is defined and handed to the optimizer but forward
#       never calls it; the net still learns, one layer short
import argparse

import numpy as np
import torch
from torch import nn

SIZE = 14


def draw(kind, rng):
    img = rng.normal(0.0, 0.25, (SIZE, SIZE))
    r, c = rng.integers(4, SIZE - 4, size=2)
    s = rng.integers(2, 4)
    yy, xx = np.mgrid[:SIZE, :SIZE]
    if kind == 0:
        shape = np.maximum(abs(yy - r), abs(xx - c)) == s
    elif kind == 1:
        shape = (abs(yy - r) == abs(xx - c)) & (abs(yy - r) <= s)
    elif kind == 2:
        shape = ((yy == r) & (abs(xx - c) <= s)) | ((xx == c) & (abs(yy - r) <= s))
    else:
        shape = abs(yy - r) + abs(xx - c) == s
    return img + shape


def make_images(n, rng):
    labels = rng.integers(0, 4, n)
    images = np.stack([draw(k, rng) for k in labels])[:, None]
    images = (images - images.mean()) / images.std()
    return torch.tensor(images, dtype=torch.float32), torch.tensor(labels)


class ShapeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1)  # fault
        self.bn2 = nn.BatchNorm2d(16)  # fault
        self.conv3 = nn.Conv2d(16, 24, 3, padding=1)
        self.bn3 = nn.BatchNorm2d(24)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(24, 4)

    def forward(self, x):
        x = self.pool(torch.relu(self.bn1(self.conv1(x))))
        x = torch.relu(self.bn3(self.conv3(x)))  # fault
        x = x.amax(dim=(2, 3))
        return self.fc(x)


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


if __name__ == "__main__":
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=0)
    seed = cli.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)

    x_train, y_train = make_images(1000, rng)
    x_test, y_test = make_images(250, rng)
    model = ShapeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    criterion = nn.CrossEntropyLoss()

    for epoch in range(10):
        model.train()
        epoch_loss = 0.0
        for idx in torch.randperm(len(x_train)).split(50):
            optimizer.zero_grad()
            loss = criterion(model(x_train[idx]), y_train[idx])
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item() * len(idx) / len(x_train)
        print(f"{epoch}: loss {epoch_loss:.4f}, test acc {accuracy(model, x_test, y_test):.3f}")
