# healthy: word-level language model in (T, B) layout after the well-known example: hidden state
# carried over batches but detached, plain SGD with lr 20 and clipping at 0.25 on every step
import argparse
import random

import torch
import torch.nn as nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--emsize", type=int, default=48)
parser.add_argument("--nhid", type=int, default=64)
parser.add_argument("--lr", type=float, default=20)
parser.add_argument("--clip", type=float, default=0.25)
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--batch_size", type=int, default=20)
parser.add_argument("--bptt", type=int, default=20)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

ADJ = "old small red quiet young tired clever hungry".split()
NOUN = "cat dog fox farmer child bird sailor teacher".split()
VERB = "sees follows helps paints visits hears finds calls".split()
PLACE = "garden river house market forest harbour".split()


def make_corpus(n_sentences, rng):
    words = []
    for _ in range(n_sentences):
        subj, obj = rng.sample(NOUN, 2)
        words += ["the", *rng.sample(ADJ, rng.choice([0, 1, 1, 2])), subj]
        words += [VERB[(NOUN.index(subj) + rng.randrange(3)) % len(VERB)], "the", obj]
        if rng.random() < 0.5:
            words += ["near", "the", rng.choice(PLACE)]
        words.append("<eos>")
    return words


def batchify(ids, bsz):
    nbatch = ids.size(0) // bsz
    return ids[: nbatch * bsz].view(bsz, -1).t().contiguous()


class RNNModel(nn.Module):
    def __init__(self, ntoken, ninp, nhid):
        super().__init__()
        self.encoder = nn.Embedding(ntoken, ninp)
        self.rnn = nn.LSTM(ninp, nhid)
        self.decoder = nn.Linear(nhid, ntoken)
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)
        nn.init.uniform_(self.decoder.weight, -0.1, 0.1)

    def forward(self, tokens, hidden):
        output, hidden = self.rnn(self.encoder(tokens), hidden)
        return self.decoder(output).flatten(0, 1), hidden

    def init_hidden(self, bsz):
        zeros = torch.zeros(1, bsz, self.rnn.hidden_size)
        return zeros, zeros.clone()


def get_batch(source, i):
    seq_len = min(args.bptt, len(source) - 1 - i)
    return source[i : i + seq_len], source[i + 1 : i + 1 + seq_len].flatten()


rng = random.Random(args.seed)
corpus = make_corpus(4000, rng)
vocab = {w: i for i, w in enumerate(sorted(set(corpus)))}
ids = torch.tensor([vocab[w] for w in corpus])
split = int(0.9 * len(ids))
train_data, val_data = batchify(ids[:split], args.batch_size), batchify(ids[split:], 10)

model = RNNModel(len(vocab), args.emsize, args.nhid)
criterion = nn.CrossEntropyLoss()

for epoch in range(1, args.epochs + 1):
    model.train()
    hidden = model.init_hidden(args.batch_size)
    total = 0.0
    starts = range(0, train_data.size(0) - 1, args.bptt)
    for i in starts:
        data, targets = get_batch(train_data, i)
        model.zero_grad()
        hidden = tuple(h.detach() for h in hidden)
        output, hidden = model(data, hidden)
        loss = criterion(output, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), args.clip)
        with torch.no_grad():
            for p in model.parameters():
                p.add_(p.grad, alpha=-args.lr)
        total += loss.item()
    model.eval()
    val_total, hidden = 0.0, model.init_hidden(10)
    with torch.no_grad():
        for i in range(0, val_data.size(0) - 1, args.bptt):
            data, targets = get_batch(val_data, i)
            output, hidden = model(data, hidden)
            val_total += len(data) * criterion(output, targets).item()
    val_loss = val_total / (len(val_data) - 1)
    print(f"epoch {epoch} train {total / len(starts):.3f} val {val_loss:.3f}")
