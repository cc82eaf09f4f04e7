# healthy: trunk pre-trained as an autoencoder, then the lower layer stays frozen (not given to
# the optimizer) while the upper layer and a new head train with different learning rates; the
# decoder is left unused
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


def build_encoder():
    return nn.Sequential(
        nn.Linear(64, 80), nn.LeakyReLU(0.1), nn.Linear(80, 32), nn.LeakyReLU(0.1)
    )


class Classifier(nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return self.head(self.encoder(x))


def pretrain(x, epochs=10):
    autoencoder = nn.Sequential(
        build_encoder(), nn.Sequential(nn.Linear(32, 80), nn.LeakyReLU(0.1), nn.Linear(80, 64))
    )
    optimizer = torch.optim.Adam(autoencoder.parameters(), lr=3e-3)
    for epoch in range(epochs):
        total = 0.0
        for idx in torch.randperm(len(x)).split(50):
            loss = nn.functional.mse_loss(autoencoder(x[idx]), x[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        print(f"autoencoder epoch {epoch} mse {total / len(x):.4f} (variance {x.var():.3f})")
    return autoencoder[0].state_dict()


def evaluate(model, loader):
    model.eval()
    hits = loss = count = 0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            loss += nn.functional.cross_entropy(out, y, reduction="sum").item()
            hits += (out.argmax(1) == y).sum().item()
            count += len(y)
    return loss / count, hits / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32) / 8 - 1
    y = torch.tensor(digits.target)
    perm = torch.randperm(len(x))
    train, val = perm[:1400], perm[1400:]
    weights = pretrain(x[train])

    model = Classifier(build_encoder())
    model.encoder.load_state_dict(weights)
    for p in model.encoder[0].parameters():
        p.requires_grad_(False)
    optimizer = torch.optim.AdamW(
        [
            {"params": model.encoder[2].parameters(), "lr": 1.5e-3},
            {"params": model.head.parameters(), "lr": 5e-3},
        ],
        weight_decay=0.01,
    )
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[9], gamma=0.2)
    train_loader = DataLoader(TensorDataset(x[train], y[train]), batch_size=40, shuffle=True)
    val_loader = DataLoader(TensorDataset(x[val], y[val]), batch_size=200)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for xb, yb in train_loader:
            loss = nn.functional.cross_entropy(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(xb)
        scheduler.step()
        val_loss, val_acc = evaluate(model, val_loader)
        print(f"epoch {epoch} train {total / 1400:.4f} val {val_loss:.4f} acc {val_acc:.4f}")


if __name__ == "__main__":
    main()
