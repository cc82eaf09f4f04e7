# expect: logits-as-probabilities
# accept: mismatched-loss, loss-diverges, negated-loss
# note: NLLLoss gets raw scores; the loss goes negative without end
import argparse
import random

import torch
from torch import nn

GOOD = "lovely great tasty friendly quick warm perfect fresh cosy superb".split()
BAD = "awful cold rude slow stale dirty bland noisy broken sour".split()
MEH = "okay average fair usual plain standard normal decent middling so-so".split()
FILL = "the food was and place service we waiter table menu it soup bread a very".split()
POOLS = [BAD, MEH, GOOD]
VOCAB = {w: i for i, w in enumerate(sorted(set(GOOD + BAD + MEH + FILL)))}


def sample_review():
    rating = random.randrange(3)
    words = random.choices(FILL, k=random.randint(4, 10))
    for _ in range(random.randint(2, 4)):
        words.append(random.choice(POOLS[rating]))
    if random.random() < 0.3:
        words.append(random.choice(random.choice(POOLS)))
    random.shuffle(words)
    return [VOCAB[w] for w in words], rating


def collate(samples):
    offsets, flat, ratings = [], [], []
    for ids, rating in samples:
        offsets.append(len(flat))
        flat.extend(ids)
        ratings.append(rating)
    return torch.tensor(flat), torch.tensor(offsets), torch.tensor(ratings)


class BagClassifier(nn.Module):
    def __init__(self, vocab, dim=16, classes=3):
        super().__init__()
        self.emb = nn.EmbeddingBag(vocab, dim, mode="mean")
        self.mlp = nn.Sequential(nn.Linear(dim, 32), nn.ReLU(), nn.Linear(32, classes))

    def forward(self, flat, offsets):
        return self.mlp(self.emb(flat, offsets))  # fault


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    train = [sample_review() for _ in range(1500)]
    held = collate([sample_review() for _ in range(400)])
    model = BagClassifier(len(VOCAB))
    objective = nn.NLLLoss()  # fault
    optim = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(6):
        random.shuffle(train)
        total = 0.0
        model.train()
        for i in range(0, len(train), 30):
            flat, offsets, ratings = collate(train[i : i + 30])
            optim.zero_grad()
            loss = objective(model(flat, offsets), ratings)  # fault
            loss.backward()
            optim.step()
            total += loss.item()
        model.eval()
        with torch.no_grad():
            acc = (model(*held[:2]).argmax(1) == held[2]).float().mean()
        print(f"epoch {epoch} loss {total / 50:.3f} held-out acc {acc:.3f}")


if __name__ == "__main__":
    main()
