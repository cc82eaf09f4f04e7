# healthy: nn.Transformer translating written dates to ISO form with teacher forcing; causal mask
# on the decoder only, True in the padding masks means "ignore", loss ignores the padding id
import argparse
import datetime
import random

import torch
import torch.nn as nn

PAD, BOS, EOS = 0, 1, 2
CHARS = "0123456789-/., abcdefghijklmnopqrstuvwxyz"
ID = {c: i + 3 for i, c in enumerate(CHARS)}
FORMATS = ("%d %b %Y", "%B %d, %Y", "%d/%m/%Y", "%b. %d, %y", "%Y.%m.%d")


def encode(strings, end):
    rows = [[ID[c] for c in s] + [EOS] * end for s in strings]
    longest = max(map(len, rows))
    return torch.tensor([r + [PAD] * (longest - len(r)) for r in rows])


def date_pairs(n, rng):
    first = datetime.date(1970, 1, 1)
    days = rng.sample(range(365 * 60), n)
    dates = [first + datetime.timedelta(days=d) for d in days]
    written = [d.strftime(rng.choice(FORMATS)).lower() for d in dates]
    return encode(written, 0), encode([d.strftime("%y%m%d") for d in dates], 1)


class DateTranslator(nn.Module):
    def __init__(self, d_model=48, nhead=4):
        super().__init__()
        n = len(CHARS) + 3
        self.src_emb, self.tgt_emb = nn.Embedding(n, d_model), nn.Embedding(n, d_model)
        self.src_pos = nn.Parameter(0.1 * torch.randn(24, d_model))
        self.tgt_pos = nn.Parameter(0.1 * torch.randn(12, d_model))
        self.transformer = nn.Transformer(
            d_model, nhead, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=96,
            dropout=0.0, batch_first=True,
        )
        self.transformer.encoder.use_nested_tensor = False
        self.generator = nn.Linear(d_model, n)

    def forward(self, src, tgt):
        s = self.src_emb(src) + self.src_pos[: src.size(1)]
        t = self.tgt_emb(tgt) + self.tgt_pos[: tgt.size(1)]
        causal = torch.ones(tgt.size(1), tgt.size(1), dtype=torch.bool).triu(1)
        h = self.transformer(
            s, t, tgt_mask=causal, src_key_padding_mask=src == PAD,
            tgt_key_padding_mask=tgt == PAD, memory_key_padding_mask=src == PAD,
        )
        return self.generator(h)

    @torch.no_grad()
    def translate(self, src, steps=6):
        out = torch.full((len(src), 1), BOS)
        for _ in range(steps):
            out = torch.cat([out, self(src, out)[:, -1:].argmax(-1)], dim=1)
        return out[:, 1:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=450)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    src, tgt = date_pairs(6000, random.Random(args.seed))
    train_src, train_tgt, val_src, val_tgt = src[:5700], tgt[:5700], src[5700:], tgt[5700:]
    model = DateTranslator()
    criterion = nn.CrossEntropyLoss(ignore_index=PAD)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, betas=(0.9, 0.98))
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=args.steps)
    for step in range(1, args.steps + 1):
        model.train()
        idx = torch.randint(len(train_src), (32,))
        s, t = train_src[idx], train_tgt[idx]
        t_in = torch.cat([torch.full((len(t), 1), BOS), t[:, :-1]], dim=1)
        loss = criterion(model(s, t_in).flatten(0, 1), t.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if step % 90 == 0:
            model.eval()
            good = model.translate(val_src) == val_tgt[:, :6]
            print(f"step {step} loss {loss.item():.4f} characters {good.float().mean():.4f} "
                  f"whole dates {good.all(1).float().mean():.4f}")


if __name__ == "__main__":
    main()
