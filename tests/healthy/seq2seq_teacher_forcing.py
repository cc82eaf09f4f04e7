# healthy: GRU encoder-decoder with teacher forcing: the decoder reads the true previous symbol
# (the target shifted right by one), greedy decoding without it is used for the reported accuracy
import argparse
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

SOS, EOS = 10, 11
LENGTH = 5


class Encoder(nn.Module):
    def __init__(self, n_tokens, emb, hidden):
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, emb)
        self.gru = nn.GRU(emb, hidden, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * hidden, hidden)

    def forward(self, src):
        _, h = self.gru(self.embedding(src))
        return torch.tanh(self.bridge(torch.cat([h[0], h[1]], dim=1))).unsqueeze(0)


class Decoder(nn.Module):
    def __init__(self, n_tokens, emb, hidden):
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, emb)
        self.gru = nn.GRU(emb, hidden, batch_first=True)
        self.out = nn.Linear(hidden, n_tokens)

    def forward(self, inputs, state):
        output, state = self.gru(self.embedding(inputs), state)
        return self.out(output), state


class Seq2Seq(nn.Module):
    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, src, trg_in):
        return self.decoder(trg_in, self.encoder(src))[0]

    @torch.no_grad()
    def greedy(self, src, steps):
        state = self.encoder(src)
        token = torch.full((len(src), 1), SOS)
        result = []
        for _ in range(steps):
            logits, state = self.decoder(token, state)
            token = logits.argmax(-1)
            result.append(token)
        return torch.cat(result, dim=1)


def build_pairs(n, seed):
    """Distinct digit strings and their sorted versions."""
    rng = random.Random(seed)
    codes = rng.sample(range(10**LENGTH), n)
    src = torch.tensor([[int(c) for c in f"{code:0{LENGTH}d}"] for code in codes])
    trg = torch.cat([src.sort(dim=1).values, torch.full((n, 1), EOS)], dim=1)
    return src, trg


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--hidden", type=int, default=64)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    src, trg = build_pairs(4500, args.seed)
    train_loader = DataLoader(TensorDataset(src[:4000], trg[:4000]), 50, shuffle=True)
    val_src, val_trg = src[4000:], trg[4000:]

    model = Seq2Seq(Encoder(12, 16, args.hidden), Decoder(12, 16, args.hidden))
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    sos = torch.full((1, 1), SOS)
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for s, t in train_loader:
            trg_in = torch.cat([sos.expand(len(s), 1), t[:, :-1]], dim=1)
            logits = model(s, trg_in)
            loss = F.cross_entropy(logits.reshape(-1, logits.size(-1)), t.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item()
        model.eval()
        decoded = model.greedy(val_src, LENGTH + 1)
        tokens = (decoded == val_trg).float().mean().item()
        exact = (decoded == val_trg).all(dim=1).float().mean().item()
        print(f"epoch {epoch} loss {total / len(train_loader):.4f} "
              f"greedy token accuracy {tokens:.4f} exact match {exact:.4f}")


if __name__ == "__main__":
    main()
