# healthy: GRU encoder-decoder with attention that sorts digit strings; teacher forcing feeds the
# shifted target to the decoder, padded on both sides, and padding is left out by packing, mask and
# ignore_index
import argparse
import random

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

PAD, BOS, EOS = 10, 11, 12


def make(n, used):
    pairs = []
    while len(pairs) < n:
        s = tuple(random.randrange(10) for _ in range(random.randint(4, 7)))
        if s not in used:
            used.add(s)
            pairs.append((list(s), sorted(s)))
    return pairs


def collate(pairs):
    src = pad_sequence([torch.tensor(s) for s, _ in pairs], True, PAD)
    dec = pad_sequence([torch.tensor([BOS] + t) for _, t in pairs], True, PAD)
    tgt = pad_sequence([torch.tensor(t + [EOS]) for _, t in pairs], True, PAD)
    return src, torch.tensor([len(s) for s, _ in pairs]), dec, tgt


class Seq2Seq(nn.Module):
    def __init__(self, dim=64):
        super().__init__()
        self.emb = nn.Embedding(13, dim, padding_idx=PAD)
        self.enc = nn.GRU(dim, dim // 2, batch_first=True, bidirectional=True)
        self.dec = nn.GRU(dim, dim, batch_first=True)
        self.query = nn.Linear(dim, dim, bias=False)
        self.out = nn.Sequential(nn.Linear(2 * dim, dim), nn.Tanh(), nn.Linear(dim, 13))

    def encode(self, src, length):
        packed = pack_padded_sequence(
            self.emb(src), length, batch_first=True, enforce_sorted=False
        )
        mem, h = self.enc(packed)
        mem, _ = pad_packed_sequence(mem, batch_first=True)
        return mem, h.transpose(0, 1).flatten(1)[None].contiguous(), src == PAD

    def decode(self, dec, mem, h, blank):
        y, h = self.dec(self.emb(dec), h)
        score = self.query(y) @ mem.transpose(1, 2)
        att = score.masked_fill(blank[:, None], float("-inf")).softmax(-1)
        return self.out(torch.cat([y, att @ mem], -1)), h

    @torch.no_grad()
    def greedy(self, src, length, steps):
        mem, h, blank = self.encode(src, length)
        token, out = torch.full((len(src), 1), BOS), []
        for _ in range(steps):
            logits, h = self.decode(token, mem, h, blank)
            token = logits.argmax(-1)
            out.append(token)
        return torch.cat(out, 1)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    used = set()
    loader = DataLoader(make(4000, used), batch_size=64, shuffle=True, collate_fn=collate)
    vsrc, vlen, vdec, vtgt = collate(make(400, used))
    model = Seq2Seq()
    opt = torch.optim.Adam(model.parameters(), lr=4e-3)
    epochs = 6
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs, eta_min=2e-4)
    for epoch in range(epochs):
        model.train()
        for src, length, dec, tgt in loader:
            logits, _ = model.decode(dec, *model.encode(src, length))
            loss = F.cross_entropy(logits.flatten(0, 1), tgt.flatten(), ignore_index=PAD)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
        sched.step()
        model.eval()
        with torch.no_grad():
            logits, _ = model.decode(vdec, *model.encode(vsrc, vlen))
            vloss = F.cross_entropy(logits.flatten(0, 1), vtgt.flatten(), ignore_index=PAD)
        hyp = model.greedy(vsrc, vlen, vtgt.shape[1])
        exact = ((hyp == vtgt) | (vtgt == PAD)).all(1).float().mean()
        print(f"{epoch}: train {loss.item():.3f} val {vloss.item():.3f} exact {exact:.3f}")


if __name__ == "__main__":
    main()
