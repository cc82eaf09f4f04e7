# expect: missing-step
# note: the loop calls backward and the scheduler but never optimizer.step(), so no weight ever
#       changes and the loss stays at its first value
# mend: loss.backward()  # fault -> loss.backward()\n            optimizer.step()
import argparse
import random

import torch
import torch.nn.functional as F
from torch import nn

TOPICS = {
    "sport": "match team goal score coach league player season win cup stadium race".split(),
    "cooking": "oven flour butter sugar salt bake slice onion pan sauce taste recipe".split(),
    "space": "rocket orbit moon star planet launch crew telescope comet gravity probe mars".split(),
    "money": "bank price market share loan tax profit budget trade credit fund rate".split(),
}
COMMON = "the and with of a new for this after one more before from over about two".split()


def make_headlines(n, rng):
    names = list(TOPICS)
    rows = []
    for _ in range(n):
        label = rng.randrange(len(names))
        words = rng.choices(TOPICS[names[label]], k=3) + rng.choices(COMMON, k=5)
        words += rng.choices(TOPICS[rng.choice(names)], k=1)
        rng.shuffle(words)
        rows.append((words, label))
    return rows


class BagOfWords(nn.Module):
    def __init__(self, vocab_size, dim, n_classes):
        super().__init__()
        self.bag = nn.EmbeddingBag(vocab_size, dim, mode="mean")
        self.fc = nn.Linear(dim, n_classes)

    def forward(self, ids):
        return self.fc(torch.relu(self.bag(ids)))


def encode(rows, vocab):
    ids = torch.tensor([[vocab[w] for w in words] for words, _ in rows])
    return ids, torch.tensor([label for _, label in rows])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = random.Random(args.seed)

    words = sorted({w for t in TOPICS.values() for w in t} | set(COMMON))
    vocab = {w: i for i, w in enumerate(words)}
    x_train, y_train = encode(make_headlines(1600, rng), vocab)
    x_val, y_val = encode(make_headlines(400, rng), vocab)

    model = BagOfWords(len(vocab), 24, len(TOPICS))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
    for epoch in range(10):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x_train)).split(32):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
            loss.backward()  # fault
            total += loss.item() * len(idx)
        scheduler.step()
        model.eval()
        with torch.no_grad():
            acc = (model(x_val).argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch} loss {total / len(x_train):.4f} accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
