# healthy: conditional random field written by hand on a bidirectional LSTM; the loss is a
# difference of scores, forbidden transitions hold -1e4 in a buffer, transition weights start equal
# and live outside any layer
import argparse

import torch
from torch import nn

VOCAB, PAD = 40, 0
TAGS = ["O", "B", "I"]


class TaggerCRF(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        k = len(TAGS)
        self.emb = nn.Embedding(VOCAB, dim, padding_idx=PAD)
        self.rnn = nn.LSTM(dim, dim, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(0.2)
        self.emit = nn.Linear(2 * dim, k)
        self.trans = nn.Parameter(torch.zeros(k, k))
        self.start = nn.Parameter(torch.zeros(k))
        forbid = torch.zeros(k, k)
        forbid[0, 2] = -1e4
        self.register_buffer("forbid", forbid)

    def scores(self, x, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(
            self.emb(x), lengths, batch_first=True, enforce_sorted=False
        )
        h, _ = self.rnn(packed)
        h, _ = nn.utils.rnn.pad_packed_sequence(h, batch_first=True, total_length=x.shape[1])
        return self.emit(self.drop(h)), self.trans + self.forbid

    def loss(self, x, y, lengths):
        emit, trans = self.scores(x, lengths)
        mask = x != PAD
        alpha = self.start + emit[:, 0]
        gold = self.start[y[:, 0]] + emit[:, 0].gather(1, y[:, :1]).squeeze(1)
        for t in range(1, x.shape[1]):
            on = mask[:, t]
            new = torch.logsumexp(alpha[:, :, None] + trans, 1) + emit[:, t]
            alpha = torch.where(on[:, None], new, alpha)
            step = trans[y[:, t - 1], y[:, t]] + emit[:, t].gather(1, y[:, t : t + 1]).squeeze(1)
            gold = gold + step * on
        return ((torch.logsumexp(alpha, 1) - gold) / lengths).mean()

    @torch.no_grad()
    def decode(self, x, lengths):
        emit, trans = self.scores(x, lengths)
        best, back = self.start + emit[:, 0], []
        for t in range(1, x.shape[1]):
            value, arg = (best[:, :, None] + trans).max(1)
            on = (x[:, t] != PAD)[:, None]
            best = torch.where(on, value + emit[:, t], best)
            back.append(torch.where(on, arg, torch.arange(len(TAGS))))
        path = [best.argmax(1)]
        for arg in reversed(back):
            path.append(arg.gather(1, path[-1][:, None]).squeeze(1))
        return torch.stack(path[::-1], 1)


def sentences(n, gen):
    """A span opens at token 1..4 and runs on until a token above 30."""
    lengths = torch.randint(8, 15, (n,), generator=gen)
    x = torch.randint(5, VOCAB, (n, 14), generator=gen)
    opener = torch.rand(n, 14, generator=gen) < 0.12
    x[opener] = torch.randint(1, 5, (n, 14), generator=gen)[opener]
    x[torch.arange(14) >= lengths[:, None]] = PAD
    y, inside = torch.zeros_like(x), torch.zeros(n, dtype=torch.bool)
    for t in range(14):
        opens = (x[:, t] >= 1) & (x[:, t] <= 4)
        inside = inside & (x[:, t] <= 30) & (x[:, t] != PAD) & ~opens
        y[:, t] = opens.long() + 2 * inside.long()
        inside = inside | opens
    typo = (torch.rand(n, 14, generator=gen) < 0.03) & (x != PAD)
    x[typo] = torch.randint(1, VOCAB, (n, 14), generator=gen)[typo]
    return x, y, lengths


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(args.seed)
    x, y, n = sentences(1400, gen)
    xv, yv, nv = sentences(300, gen)
    keep = xv != PAD
    print(f"share of the most frequent tag {(yv[keep] == 0).float().mean():.3f}")
    model = TaggerCRF()
    opt = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.01)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 5, eta_min=5e-4)
    for epoch in range(5):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(40):
            loss = model.loss(x[idx], y[idx], n[idx])
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            opt.step()
            total += loss.item() * len(idx)
        sched.step()
        model.eval()
        with torch.no_grad():
            v = model.loss(xv, yv, nv).item()
        acc = (model.decode(xv, nv)[keep] == yv[keep]).float().mean()
        print(f"epoch {epoch} train {total / len(x):.4f} val {v:.4f} token accuracy {acc:.4f}")
