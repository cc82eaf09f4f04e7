# expect: negated-loss
# note: Adam was created with maximize=True (left over from a policy gradient script), so it climbs
#       the cross entropy; the loss grows without end and accuracy falls below chance
import argparse
import random

import torch
import torch.nn.functional as F
from torch import nn

SYLLABLES = {
    "northern": "bjor sven gun hild ulf stig dag lin ing mar frid olf".split(),
    "southern": "ro sa lo ma ri no pe dro lu ca te chi".split(),
    "eastern": "yu ki sho ta ha na ren mi ko dai jun aki".split(),
}
SHARED = "an el mar li na ri".split()
ALPHABET = ".abcdefghijklmnopqrstuvwxyz"
WIDTH = 14


def names(n, rng):
    regions = list(SYLLABLES)
    ids, labels = [], []
    for _ in range(n):
        k = rng.randrange(3)
        parts = [rng.choice(SYLLABLES[regions[k]]) for _ in range(2)] + [rng.choice(SHARED)]
        rng.shuffle(parts)
        name = "".join(parts)[:WIDTH].ljust(WIDTH, ".")
        ids.append([ALPHABET.index(c) for c in name])
        labels.append(k)
    return torch.tensor(ids), torch.tensor(labels)


class NameNet(nn.Module):
    def __init__(self, dim=12, channels=24):
        super().__init__()
        self.chars = nn.Embedding(len(ALPHABET), dim)
        self.conv2 = nn.Conv1d(dim, channels, 2)
        self.conv3 = nn.Conv1d(dim, channels, 3)
        self.out = nn.Linear(2 * channels, 3)

    def forward(self, ids):
        x = self.chars(ids).transpose(1, 2)
        pooled = [F.relu(conv(x)).amax(dim=2) for conv in (self.conv2, self.conv3)]
        return self.out(torch.cat(pooled, dim=1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x_train, y_train = names(1200, rng)
    x_val, y_val = names(300, rng)
    model = NameNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, maximize=True)  # fault
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(1200).split(40):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
            loss.backward()
            optimizer.step()
            total += loss.item() / 30
        model.eval()
        with torch.no_grad():
            acc = (model(x_val).argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch + 1:2d}: loss {total:.5g}, val accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
