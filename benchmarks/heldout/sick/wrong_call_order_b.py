# expect: wrong-call-order
# accept: ineffective-clip
# note: clip_grad_norm_ is called before backward, when the gradients are still empty, so nothing is
#       ever clipped; SGD with learning rate 10 takes wild steps at first
import argparse
import random

import torch
import torch.nn.functional as F
from torch import nn

RULES = {
    "S": ["the N V the N .", "the A N V .", "a N V near the N .", "the N who V V a A N ."],
    "N": "king queen child horse tower forest".split(),
    "V": "sleeps sings waits falls sees remembers".split(),
    "A": "young golden silent".split(),
}


def sentences(n, rng):
    words = []
    for _ in range(n):
        for w in rng.choice(RULES["S"]).split():
            words.append(rng.choice(RULES[w]) if w in RULES else w)
    return words


class WordLSTM(nn.Module):
    def __init__(self, vocab, dim=32, hidden=48):
        super().__init__()
        self.emb = nn.Embedding(vocab, dim)
        self.lstm = nn.LSTM(dim, hidden, num_layers=2)
        self.dec = nn.Linear(hidden, vocab)

    def forward(self, ids, state):
        out, state = self.lstm(self.emb(ids), state)
        return self.dec(out), state


def evaluate(model, data, bptt):
    model.eval()
    state, total, count = None, 0.0, 0
    with torch.no_grad():
        for i in range(0, len(data) - 1, bptt):
            x, y = data[i : i + bptt][: len(data) - 1 - i], data[i + 1 : i + 1 + bptt]
            out, state = model(x, state)
            total += F.cross_entropy(out.flatten(0, 1), y.flatten(), reduction="sum").item()
            count += y.numel()
    return total / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=10.0)
    parser.add_argument("--clip", type=float, default=0.25)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    train_words, val_words = sentences(2200, rng)[:12000], sentences(300, rng)[:1500]
    vocab = {w: i for i, w in enumerate(sorted(set(train_words)))}
    train = torch.tensor([vocab[w] for w in train_words]).view(20, -1).t().contiguous()
    val = torch.tensor([vocab[w] for w in val_words]).view(10, -1).t().contiguous()

    model = WordLSTM(len(vocab))
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
    bptt = 12
    for epoch in range(8):
        model.train()
        state, losses = None, []
        for i in range(0, len(train) - 1 - bptt, bptt):
            x, y = train[i : i + bptt], train[i + 1 : i + 1 + bptt]
            if state is not None:
                state = tuple(s.detach() for s in state)
            optimizer.zero_grad()
            out, state = model(x, state)
            loss = F.cross_entropy(out.flatten(0, 1), y.flatten())
            nn.utils.clip_grad_norm_(model.parameters(), args.clip)  # fault
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        mean = sum(losses) / len(losses)
        print(f"epoch {epoch} | train {mean:.4f} | val {evaluate(model, val, bptt):.4f}")


if __name__ == "__main__":
    main()
