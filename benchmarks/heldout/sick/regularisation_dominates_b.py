# expect: regularisation-dominates
# accept: oversized-regularisation
# note: Adam gets weight_decay=1.0, an L2 pull a thousand times the usual one; it outweighs the
#       gradient of the data and all weights shrink to zero
import argparse

import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

LABELS = ["spicy", "sweet", "crunchy", "creamy", "sour"]


def recipes(n, mixing, rng):
    """Twenty ingredient amounts; every taste label depends on a few of them."""
    amounts = rng.normal(size=(n, 20))
    score = np.tanh(amounts[:, :10]) @ mixing[:10] + amounts[:, 10:] @ mixing[10:]
    tags = (score + 0.3 * rng.normal(size=score.shape) > 0).astype(np.float32)
    return TensorDataset(torch.tensor(amounts, dtype=torch.float32), torch.from_numpy(tags))


class TasteNet(nn.Module):
    def __init__(self, hidden=40):
        super().__init__()
        self.encoder = nn.Linear(20, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.decoder = nn.Linear(hidden, len(LABELS))

    def forward(self, x):
        return self.decoder(torch.nn.functional.gelu(self.norm(self.encoder(x))))


def evaluate(model, loader):
    model.eval()
    hits = torch.zeros(len(LABELS))
    with torch.no_grad():
        for x, t in loader:
            hits += ((model(x) > 0).float() == t).sum(0)
    return hits / len(loader.dataset)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)

    mixing = rng.normal(size=(20, 5)) * (rng.random((20, 5)) < 0.4)
    train_loader = DataLoader(recipes(1500, mixing, rng), batch_size=60, shuffle=True)
    val_loader = DataLoader(recipes(400, mixing, rng), batch_size=200)
    model = TasteNet()
    optimizer = optim.Adam(model.parameters(), lr=3e-3, weight_decay=1.0)  # fault
    loss_fn = nn.BCEWithLogitsLoss()
    for epoch in range(14):
        model.train()
        total = 0.0
        for x, t in train_loader:
            optimizer.zero_grad()
            loss = loss_fn(model(x), t)
            loss.backward()
            optimizer.step()
            total += loss.item() / len(train_loader)
        accs = evaluate(model, val_loader)
        detail = " ".join(f"{n}={a:.2f}" for n, a in zip(LABELS, accs.tolist()))
        print(f"[{epoch:02d}] loss {total:.4f} mean acc {accs.mean():.4f} ({detail})")
