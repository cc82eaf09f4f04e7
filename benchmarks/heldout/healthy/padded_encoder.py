# healthy: transformer encoder over padded token sequences; every position attends to later ones,
# padding is excluded by a key mask and from the masked mean, the embedding row of the padding
# never moves
import argparse

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

VOCAB, LONGEST, PAD = 30, 16, 0


def corpus(n, valence, gen):
    lengths = torch.randint(6, LONGEST + 1, (n,), generator=gen)
    x = torch.randint(1, VOCAB, (n, LONGEST), generator=gen)
    x[torch.arange(LONGEST) >= lengths[:, None]] = PAD
    score = valence[x].sum(1) + 0.3 * torch.randn(n, generator=gen)
    return x, (score > 0).float()


class Classifier(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.tok = nn.Embedding(VOCAB, dim, padding_idx=PAD)
        self.pos = nn.Embedding(LONGEST, dim)
        nn.init.normal_(self.pos.weight, std=0.1)
        layer = nn.TransformerEncoderLayer(dim, 2, 64, 0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, 1)

    def forward(self, x):
        pad = x == PAD
        h = self.tok(x) + self.pos(torch.arange(x.shape[1], device=x.device))
        h = self.norm(self.encoder(h, src_key_padding_mask=pad))
        keep = (~pad)[..., None].float()
        return self.head((h * keep).sum(1) / keep.sum(1)).squeeze(1)


def evaluate(model, loader):
    model.eval()
    loss, right, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            z = model(x)
            loss += F.binary_cross_entropy_with_logits(z, y, reduction="sum").item()
            right += ((z > 0).float() == y).sum().item()
            n += len(y)
    return loss / n, right / n


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(args.seed)
    valence = torch.randn(VOCAB, generator=gen)
    valence[1:] -= valence[1:].mean()
    valence[PAD] = 0.0
    train, val = corpus(2500, valence, gen), corpus(500, valence, gen)
    loader = DataLoader(TensorDataset(*train), batch_size=64, shuffle=True)
    val_loader = DataLoader(TensorDataset(*val), batch_size=250)
    model = Classifier()
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    epochs = 7
    sched = torch.optim.lr_scheduler.OneCycleLR(
        opt, 3e-3, epochs=epochs, steps_per_epoch=len(loader)
    )
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for x, y in loader:
            loss = F.binary_cross_entropy_with_logits(model(x), y)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            sched.step()
            total += loss.item() * len(y)
        v, acc = evaluate(model, val_loader)
        print(f"epoch {epoch} train {total / 2500:.3f} val {v:.3f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
