# expect: padding-in-loss
# accept: ignored-mask, class-imbalance
# note: the tag of padding (0) counts in the loss; most positions are padding, so the loss
#   looks small while tags are learned slowly
import argparse
import random

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pad_sequence

TAGS = ["<pad>", "PLAIN", "AFTER_KEY", "OPEN", "CLOSE"]


def make_sentence(rng):
    n = rng.randint(3, 8) if rng.random() < 0.95 else 60
    words = [rng.randint(1, 40) for _ in range(n)]
    tags = []
    for k, w in enumerate(words):
        if k and words[k - 1] <= 12:
            tags.append(2)
        else:
            tags.append(3 if w % 5 == 0 else 4 if w % 7 == 0 else 1)
        if rng.random() < 0.05:
            tags[-1] = rng.randint(1, 4)
    return torch.tensor(words), torch.tensor(tags)


def collate(items):
    words = pad_sequence([w for w, _ in items], batch_first=True)
    tags = pad_sequence([t for _, t in items], batch_first=True)  # fault
    return words, tags


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(41, 24, padding_idx=0)
        self.conv = nn.Conv1d(24, 48, 3, padding=1)
        self.out = nn.Linear(48, len(TAGS))

    def forward(self, words):
        h = F.relu(self.conv(self.emb(words).transpose(1, 2))).transpose(1, 2)
        return self.out(h)


def step_loss(logits, tags):
    return F.cross_entropy(logits.reshape(-1, len(TAGS)), tags.reshape(-1))  # fault


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    seed = p.parse_args().seed
    rng = random.Random(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    train = [make_sentence(rng) for _ in range(1600)]
    words, tags = collate([make_sentence(rng) for _ in range(200)])
    model = Tagger()
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5)
    for epoch in range(6):
        rng.shuffle(train)
        model.train()
        total = 0.0
        for i in range(0, len(train), 32):
            w, t = collate(train[i : i + 32])
            loss = step_loss(model(w), t)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        model.eval()
        with torch.no_grad():
            pred = model(words).argmax(-1)
        real = tags > 0
        acc = (pred[real] == tags[real]).float().mean().item()
        print(f"epoch {epoch} loss {total / 50:.4f} val tag acc {acc:.3f}")


main()
