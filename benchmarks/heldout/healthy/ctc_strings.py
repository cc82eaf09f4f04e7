# healthy: bidirectional GRU with CTC on rendered strings; time-major layout, log-softmax before
# the loss, a loss far above log(classes) at the start, blanks predicted nearly everywhere in the
# middle of training
import argparse

import torch
import torch.nn.functional as F
from torch import nn

SYMBOLS, BLANK, BANDS = 5, 0, 8


def render(n, shapes, gen):
    """Each symbol is a spectrum held for 2 to 4 frames, with silence in between."""
    feats, frames, labels, lengths = [], [], [], []
    for _ in range(n):
        k = int(torch.randint(3, 6, (1,), generator=gen))
        ids = torch.randint(SYMBOLS, (k,), generator=gen)
        rows = []
        for s in ids:
            hold = int(torch.randint(2, 5, (1,), generator=gen))
            rest = int(torch.randint(1, 3, (1,), generator=gen))
            rows += [shapes[s].expand(hold, -1), torch.zeros(rest, BANDS)]
        f = torch.cat(rows)
        feats.append(f + 0.4 * torch.randn(f.shape, generator=gen))
        frames.append(len(f))
        labels.append(ids + 1)
        lengths.append(k)
    x = nn.utils.rnn.pad_sequence(feats)
    y = nn.utils.rnn.pad_sequence(labels, batch_first=True)
    return x, torch.tensor(frames), y, torch.tensor(lengths)


class Recogniser(nn.Module):
    def __init__(self, hidden=40):
        super().__init__()
        self.rnn = nn.GRU(BANDS, hidden, bidirectional=True)
        self.out = nn.Linear(2 * hidden, SYMBOLS + 1)

    def forward(self, x, frames):
        packed = nn.utils.rnn.pack_padded_sequence(x, frames, enforce_sorted=False)
        h, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], total_length=len(x))
        return F.log_softmax(self.out(h), dim=2)


def exact_match(logp, frames, y, lengths):
    best, hits = logp.argmax(2).t(), 0
    for path, t, ref, k in zip(best, frames, y, lengths, strict=True):
        path = torch.unique_consecutive(path[:t])
        hits += path[path != BLANK].tolist() == ref[:k].tolist()
    return hits / len(y)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(seed)
    shapes = 1.5 * torch.randn(SYMBOLS, BANDS, generator=gen)
    x, t, y, k = render(1000, shapes, gen)
    xv, tv, yv, kv = render(200, shapes, gen)
    model = Recogniser()
    ctc = nn.CTCLoss(blank=BLANK, zero_infinity=True)
    opt = torch.optim.Adam(model.parameters(), lr=5e-3)
    sched = torch.optim.lr_scheduler.StepLR(opt, 3, 0.3)
    for epoch in range(7):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(t)).split(40):
            loss = ctc(model(x[:, idx], t[idx]), y[idx], t[idx], k[idx])
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            opt.step()
            total += loss.item() * len(idx)
        sched.step()
        model.eval()
        with torch.no_grad():
            logp = model(xv, tv)
            v = ctc(logp, yv, tv, kv).item()
        acc = exact_match(logp, tv, yv, kv)
        print(f"epoch {epoch} train {total / len(t):.3f} val {v:.3f} exact {acc:.3f}")


if __name__ == "__main__":
    main()
