# expect: lr-too-high
# accept: huge-updates
# note: Adam with lr 0.1 on a small transformer (a value fit for SGD); loss jumps at once and
#   stays at chance
import argparse
from dataclasses import dataclass

import torch
import torch.nn as nn


@dataclass
class Config:
    vocab_size: int = 20
    seq_len: int = 16
    d_model: int = 48
    n_heads: int = 4
    n_layers: int = 2
    batch_size: int = 64
    learning_rate: float = 0.1  # fault
    max_iters: int = 200
    eval_interval: int = 25


def sample(cfg, n, gen):
    """Is token 1 more frequent in the sequence than token 2, less, or equal?"""
    x = torch.randint(3, cfg.vocab_size, (n, cfg.seq_len), generator=gen)
    marks = torch.randint(0, 3, (n, cfg.seq_len), generator=gen)
    x = torch.where(marks > 0, marks, x)
    diff = (x == 1).sum(1) - (x == 2).sum(1)
    return x, torch.sign(diff) + 1


class Classifier(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.tok = nn.Embedding(cfg.vocab_size, cfg.d_model)
        self.pos = nn.Parameter(torch.randn(1, cfg.seq_len, cfg.d_model) * 0.02)
        layer = nn.TransformerEncoderLayer(
            cfg.d_model, cfg.n_heads, 2 * cfg.d_model, dropout=0.0, batch_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, cfg.n_layers)
        self.head = nn.Linear(cfg.d_model, 3)

    def forward(self, idx):
        h = self.encoder(self.tok(idx) + self.pos)
        return self.head(h.mean(dim=1))


def main(seed):
    cfg = Config()
    torch.manual_seed(seed)
    gen = torch.Generator().manual_seed(seed + 1)
    x_train, y_train = sample(cfg, 4000, gen)
    x_val, y_val = sample(cfg, 500, gen)

    model = Classifier(cfg)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.learning_rate)  # fault

    for it in range(1, cfg.max_iters + 1):
        idx = torch.randint(0, len(x_train), (cfg.batch_size,), generator=gen)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = criterion(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if it % cfg.eval_interval == 0:
            model.eval()
            with torch.no_grad():
                logits = model(x_val)
                val_loss = criterion(logits, y_val).item()
                acc = (logits.argmax(-1) == y_val).float().mean().item()
            model.train()
            print(f"iter {it}: loss {loss.item():.4f}, val loss {val_loss:.4f}, val acc {acc:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
