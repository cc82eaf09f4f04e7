# expect: oversized-dropout
# accept: validation-below-train, underfitting
# note: keep probability and drop probability are confused: 0.1 of the units were to be dropped, 0.9 are
# mend: nn.Dropout(KEEP) -> nn.Dropout(1 - KEEP)
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

KEEP = 0.9


class DigitNet(nn.Module):
    """A small convolutional net with one hidden layer."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3, padding=1)
        self.hidden = nn.Linear(256, 96)
        self.dropout = nn.Dropout(KEEP)  # fault
        self.out = nn.Linear(96, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv(x)), 2).flatten(1)
        x = self.dropout(x)
        return self.out(self.dropout(F.relu(self.hidden(x))))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=500)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    images = (torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) - 4.9) / 6.0
    labels = torch.tensor(digits.target)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(3))
    images, labels = images[order], labels[order]
    net = DigitNet()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for step in range(1, args.steps + 1):
        net.train()
        rows = torch.randint(0, 1400, (48,))
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images[rows]), labels[rows])
        loss.backward()
        optimizer.step()
        if step % 50 == 0:
            net.eval()
            with torch.no_grad():
                scores = net(images[1400:])
                val = F.cross_entropy(scores, labels[1400:]).item()
            right = (scores.argmax(1) == labels[1400:]).float().mean().item()
            print(f"{step} loss {loss.item():.3f} val {val:.3f} accuracy {right:.3f}")


if __name__ == "__main__":
    main()
