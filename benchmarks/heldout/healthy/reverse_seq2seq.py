# healthy: encoder-decoder with teacher forcing; decoder input holds shifted targets, padding
#   is ignored in the loss
import argparse
import random

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

PAD, BOS, EOS = 0, 1, 2


def make(n, rng):
    return [[rng.randint(3, 12) for _ in range(rng.randint(2, 6))] for _ in range(n)]


def collate(seqs):
    src = pad_sequence([torch.tensor(s[::-1]) for s in seqs], batch_first=True)
    dec = pad_sequence([torch.tensor([BOS, *s]) for s in seqs], batch_first=True)
    tgt = pad_sequence([torch.tensor([*s, EOS]) for s in seqs], batch_first=True)
    lens = torch.tensor([len(s) for s in seqs])
    return src, lens, dec, tgt


class Seq2Seq(nn.Module):
    def __init__(self, vocab=13, d=48):
        super().__init__()
        self.emb = nn.Embedding(vocab, d, padding_idx=PAD)
        self.enc = nn.GRU(d, d, batch_first=True)
        self.dec = nn.GRU(d, d, batch_first=True)
        self.mix = nn.Linear(2 * d, d)
        self.out = nn.Linear(d, vocab)

    def forward(self, src, lens, dec):
        mem, _ = self.enc(self.emb(src))
        last = mem[torch.arange(len(src)), lens - 1].unsqueeze(0)
        h, _ = self.dec(self.emb(dec), last)
        score = (h @ mem.transpose(1, 2)).masked_fill((src == PAD)[:, None], float("-inf"))
        ctx = score.softmax(-1) @ mem
        return self.out(torch.tanh(self.mix(torch.cat([h, ctx], -1))))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    seed = p.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    rng = random.Random(seed)
    val = collate(make(200, rng))
    model = Seq2Seq()
    opt = torch.optim.Adam(model.parameters(), lr=5e-3)
    crit = nn.CrossEntropyLoss(ignore_index=PAD)
    for step in range(1, 401):
        model.train()
        src, lens, dec, tgt = collate(make(32, rng))
        loss = crit(model(src, lens, dec).flatten(0, 1), tgt.flatten())
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        if step % 50 == 0:
            model.eval()
            with torch.no_grad():
                pred = model(*val[:3]).argmax(-1)
            real = val[3] != PAD
            acc = (pred == val[3])[real].float().mean().item()
            print(f"step {step} loss {loss.item():.3f} val token acc {acc:.3f}")


main()
