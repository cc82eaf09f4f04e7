# expect: lr-too-high
# accept: loss-flat, huge-updates, saturated-activation, loss-diverges, collapsed-prediction
# note: Adam with a learning rate of 1.0; the gates saturate at once, the loss jumps about far
#   above what a hundredth of that rate reaches
import argparse
import random

import torch
from torch import nn

NAMES = "anna bella carla diana elena fiona gina helena irina julia karina lena maria nadja olga"
ENDINGS = ["", "s", "like", "ness", "ton"]


def corpus(seed, n):
    rng = random.Random(seed)
    return [rng.choice(NAMES.split()) + rng.choice(ENDINGS) for _ in range(n)]


def encode(words, stoi, length):
    ids = torch.zeros(len(words), length + 1, dtype=torch.long)
    for row, word in enumerate(words):
        for col, ch in enumerate(word):
            ids[row, col + 1] = stoi[ch]
    return ids


class WordModel(nn.Module):
    def __init__(self, vocab, dim=24, hidden=48):
        super().__init__()
        self.embedding = nn.Embedding(vocab, dim)
        self.gru = nn.GRU(dim, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, vocab)

    def forward(self, ids):
        out, _ = self.gru(self.embedding(ids))
        return self.linear(out)


def lm_loss(model, ids):
    logits = model(ids[:, :-1])
    target = ids[:, 1:].clone()
    ended = (target == 0).cumsum(1) > 1
    target[ended] = -100
    return nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=-100)


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--lr", type=float, default=1.0)
    p.add_argument("--steps", type=int, default=250)
    cfg = p.parse_args()
    random.seed(cfg.seed)
    torch.manual_seed(cfg.seed)
    torch.set_num_threads(1)

    train_words, val_words = corpus(1, 2000), corpus(2, 300)
    alphabet = sorted(set("".join(train_words)))
    stoi = {ch: i + 1 for i, ch in enumerate(alphabet)}
    longest = max(map(len, train_words)) + 1
    train_ids, val_ids = encode(train_words, stoi, longest), encode(val_words, stoi, longest)
    model = WordModel(len(alphabet) + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)  # fault
    for step in range(1, cfg.steps + 1):
        loss = lm_loss(model, train_ids[torch.randint(len(train_ids), (64,))])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 25 == 0:
            with torch.no_grad():
                val = lm_loss(model, val_ids).item()
            print(f"step {step:4d} loss {loss.item():.4f} val {val:.4f}")
