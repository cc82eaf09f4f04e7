# healthy: bf16 autocast, gradients accumulated over four batches, mixup and label smoothing: the loss stays high,
# as both keep it up
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def mix(x, y, classes, alpha=0.3):
    share = torch.distributions.Beta(alpha, alpha).sample((len(x),))
    other = torch.randperm(len(x))
    one_hot = nn.functional.one_hot(y, classes).float()
    s = share.view(-1, 1)
    x = share.view(-1, 1, 1, 1) * x + (1 - share.view(-1, 1, 1, 1)) * x[other]
    return x, s * one_hot + (1 - s) * one_hot[other]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--accumulate", type=int, default=4)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1)
    labels = torch.tensor(digits.target)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    images, labels = (images[order] - 4.88) / 6.02, labels[order]
    train = DataLoader(TensorDataset(images[:1440], labels[:1440]), batch_size=12, shuffle=True)
    test = DataLoader(TensorDataset(images[1440:], labels[1440:]), batch_size=119)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.GroupNorm(4, 16), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    for epoch in range(16):
        model.train()
        total = 0.0
        for i, (x, y) in enumerate(train):
            x, soft = mix(x, y, 10)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                out = model(x)
            loss = criterion(out.float(), soft) / args.accumulate
            loss.backward()
            total += loss.item() * args.accumulate
            if (i + 1) % args.accumulate == 0:
                optimizer.step()
                optimizer.zero_grad()
        model.eval()
        hits = 0
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            for x, y in test:
                hits += (model(x).argmax(1) == y).sum().item()
        print(f"epoch {epoch + 1} loss {total / len(train):.4f} accuracy {hits / len(test.dataset):.4f}")


if __name__ == "__main__":
    main()
