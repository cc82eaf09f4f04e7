# expect: too-small-batch
# accept: noisy-loss, noisy-gradient, lr-too-high, stopped-early
# note: two images per step; the loss of a step jumps between 0 and 5, the gradient is mostly
#   noise; 32 per step with the same number of steps learns clearly better
# mend: default=2) -> default=32)
import argparse
import itertools

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class SmallResNet(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.GroupNorm(4, width)
        self.head = nn.Linear(width * 4, 10)

    def forward(self, x):
        x = F.relu(self.stem(x))
        x = F.relu(x + self.conv2(F.relu(self.norm(self.conv1(x)))))
        return self.head(F.adaptive_avg_pool2d(x, 2).flatten(1))


def forever(loader):
    while True:
        yield from loader


@torch.no_grad()
def evaluate(model, images, labels):
    model.eval()
    logits = model(images)
    accuracy = (logits.argmax(1) == labels).float().mean().item()
    return F.cross_entropy(logits, labels).item(), accuracy


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch-size", type=int, default=2)  # fault
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    images = (torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) - 4.9) / 6
    labels = torch.tensor(digits.target)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(21))
    images, labels = images[order], labels[order]
    train = TensorDataset(images[:1400], labels[:1400])
    loader = DataLoader(train, batch_size=args.batch_size, shuffle=True)  # fault
    model = SmallResNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    steps = itertools.islice(forever(loader), args.steps)
    for step, (x, y) in enumerate(steps, start=1):
        model.train()
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 25 == 0:
            val_loss, val_acc = evaluate(model, images[1400:], labels[1400:])
            print(f"{step:4d} loss {loss.item():.4f} val {val_loss:.4f} accuracy {val_acc:.3f}")


if __name__ == "__main__":
    main()
