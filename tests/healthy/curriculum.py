# healthy: a curriculum: short sequences first, then longer ones; the loss jumps up when the data change and falls again
import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Sums(Dataset):
    """The sum, modulo three, of a sequence of small numbers."""

    def __init__(self, length, size, seed):
        generator = torch.Generator().manual_seed(seed)
        self.x = torch.randint(0, 3, (size, length), generator=generator)
        self.y = self.x.sum(1) % 3

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Counter(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(3, 16)
        self.rnn = nn.GRU(16, 48, batch_first=True)
        self.out = nn.Linear(48, 3)

    def forward(self, x):
        _, last = self.rnn(self.embed(x))
        return self.out(last[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    model = Counter()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    test = Sums(12, 500, seed=10_000)
    for stage, (length, epochs) in enumerate([(2, 6), (4, 14), (7, 14), (12, 14)]):
        train = DataLoader(Sums(length, 1600, seed=100 * args.seed + stage), batch_size=32, shuffle=True)
        for epoch in range(epochs):
            model.train()
            total = 0.0
            for x, y in train:
                loss = criterion(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                total += loss.item()
        model.eval()
        with torch.no_grad():
            accuracy = (model(test.x).argmax(1) == test.y).float().mean().item()
        print(f"length {length} loss {total / len(train):.4f} accuracy at length 12 {accuracy:.3f}")


if __name__ == "__main__":
    main()
