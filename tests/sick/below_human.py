# expect: below-human
# location: none
# with: run --quiet --human-baseline 0.97
# note: people who label the same pictures are right 97 times of 100; the pictures are made so small before they
#   enter the net that neither it nor anybody else could tell the digits apart
# mend: F.avg_pool2d(images, 4) -> images
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


def load(seed):
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1)
    images = F.avg_pool2d(images, 4)
    images = (images - images.mean()) / images.std()
    whole = TensorDataset(images, torch.tensor(digits.target))
    return random_split(whole, [1347, 450], torch.Generator().manual_seed(seed))


def evaluate(model, loader):
    model.eval()
    hits = 0
    with torch.no_grad():
        for x, y in loader:
            logits = model(x)
            loss = F.cross_entropy(logits, y)
            hits += (logits.argmax(1) == y).sum().item()
    return loss.item(), hits / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    train, val = load(args.seed)
    train_loader = DataLoader(train, batch_size=64, shuffle=True)
    val_loader = DataLoader(val, batch_size=150)
    pixels = train[0][0].numel()
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(pixels, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for epoch in range(15):
        model.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        print(epoch, *evaluate(model, val_loader))


if __name__ == "__main__":
    main()
