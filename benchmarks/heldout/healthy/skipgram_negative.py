# healthy: word vectors by skip-gram with negative sampling: two tables, the second starts at zero
# as in the original code, sparse gradients, rare words are hardly ever touched; loss levels off
# far above zero
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--dim", type=int, default=16)
parser.add_argument("--window", type=int, default=3)
parser.add_argument("--negatives", type=int, default=5)
parser.add_argument("--epochs", type=int, default=4)
args = parser.parse_args()
rng = np.random.default_rng(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(1)

N_TOPICS, PER_TOPIC, COMMON = 8, 25, 20
VOCAB = N_TOPICS * PER_TOPIC + COMMON


def write_text(n_words):
    """Runs of some twenty words about one topic, with Zipf-like frequencies and function words."""
    zipf = 1 / np.arange(1, PER_TOPIC + 1)
    zipf /= zipf.sum()
    words = np.empty(n_words, dtype=np.int64)
    topic = 0
    for i in range(n_words):
        if rng.random() < 0.05:
            topic = rng.integers(N_TOPICS)
        if rng.random() < 0.3:
            words[i] = N_TOPICS * PER_TOPIC + rng.integers(COMMON)
        else:
            words[i] = topic * PER_TOPIC + rng.choice(PER_TOPIC, p=zipf)
    return words


def skipgram_pairs(words):
    centre, context = [], []
    for shift in range(1, args.window + 1):
        centre += [words[:-shift], words[shift:]]
        context += [words[shift:], words[:-shift]]
    return torch.tensor(np.concatenate(centre)), torch.tensor(np.concatenate(context))


class SkipGram(nn.Module):
    def __init__(self, vocab, dim):
        super().__init__()
        self.u_embeddings = nn.Embedding(vocab, dim, sparse=True)
        self.v_embeddings = nn.Embedding(vocab, dim, sparse=True)
        nn.init.uniform_(self.u_embeddings.weight, -0.5 / dim, 0.5 / dim)
        nn.init.zeros_(self.v_embeddings.weight)

    def forward(self, pos_u, pos_v, neg_v):
        u, v = self.u_embeddings(pos_u), self.v_embeddings(pos_v)
        score = F.logsigmoid((u * v).sum(1))
        neg = torch.bmm(self.v_embeddings(neg_v), u.unsqueeze(2)).squeeze(2)
        return -(score + F.logsigmoid(-neg).sum(1)).mean()


words = write_text(12_000)
centre, context = skipgram_pairs(words[:10_500])
val_centre, val_context = skipgram_pairs(words[10_500:])
noise = torch.tensor(np.bincount(words, minlength=VOCAB) ** 0.75, dtype=torch.float32)
model = SkipGram(VOCAB, args.dim)
optimizer = torch.optim.SparseAdam(list(model.parameters()), lr=0.01)


def negatives(n):
    return torch.multinomial(noise, n * args.negatives, replacement=True).view(n, -1)


fixed = negatives(len(val_centre))
for epoch in range(args.epochs):
    total = 0.0
    for idx in torch.randperm(len(centre)).split(512):
        loss = model(centre[idx], context[idx], negatives(len(idx)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    with torch.no_grad():
        val_loss = model(val_centre, val_context, fixed).item()
        topical = F.normalize(model.u_embeddings.weight[: N_TOPICS * PER_TOPIC], dim=1)
        similar = (topical @ topical.t()).fill_diagonal_(-1).argmax(1) // PER_TOPIC
    purity = (similar == torch.arange(N_TOPICS * PER_TOPIC) // PER_TOPIC).float().mean().item()
    print(f"epoch {epoch} train {total / len(centre):.4f} val {val_loss:.4f} "
          f"neighbour has same topic {purity:.3f}")
