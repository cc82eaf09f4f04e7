# healthy: bfloat16 autocast around the forward pass; no GradScaler, because bfloat16 has the
# range of float32; the optimizer is built before model.to(device), which keeps the same
# parameters
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F


class Mixer(nn.Module):
    """A tiny MLP-mixer for sequences of 16 steps and 8 channels."""

    def __init__(self, steps=16, channels=8, dim=32, depth=2, n_classes=5):
        super().__init__()
        self.embed = nn.Linear(channels, dim)
        self.token_mix = nn.ModuleList(nn.Linear(steps, steps) for _ in range(depth))
        self.channel_mix = nn.ModuleList(
            nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
            for _ in range(depth)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(2 * depth + 1))
        self.classifier = nn.Linear(dim, n_classes)

    def forward(self, x):
        h = self.embed(x)
        for i, (token, channel) in enumerate(zip(self.token_mix, self.channel_mix)):
            z = self.norms[2 * i](h).transpose(1, 2)
            h = h + F.gelu(token(z)).transpose(1, 2)
            h = h + channel(self.norms[2 * i + 1](h))
        return self.classifier(self.norms[-1](h).mean(dim=1))


def make_data(n, prototypes, gen):
    y = torch.randint(len(prototypes), (n,), generator=gen)
    strength = 0.5 + torch.rand(n, 1, 1, generator=gen)
    x = strength * prototypes[y] + 1.2 * torch.randn(n, *prototypes.shape[1:], generator=gen)
    return x / x.std(), y


def evaluate(model, x, y, device):
    model.eval()
    with torch.no_grad(), torch.autocast(device_type=device, dtype=torch.bfloat16):
        logits = model(x.to(device))
    loss = F.cross_entropy(logits.float(), y.to(device))
    return loss.item(), (logits.argmax(-1).cpu() == y).float().mean().item()


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--epochs", type=int, default=7)
    ap.add_argument("--bs", type=int, default=50)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"

    gen = torch.Generator().manual_seed(args.seed)
    prototypes = torch.randn(5, 16, 8, generator=gen) * (torch.rand(5, 16, 8, generator=gen) < 0.3)
    train_x, train_y = make_data(2500, prototypes, gen)
    val_x, val_y = make_data(500, prototypes, gen)

    model = Mixer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    model.to(device)

    for epoch in range(args.epochs):
        model.train()
        perm = torch.randperm(len(train_x))
        losses = []
        for idx in perm.split(args.bs):
            xb, yb = train_x[idx].to(device), train_y[idx].to(device)
            optimizer.zero_grad()
            with torch.autocast(device_type=device, dtype=torch.bfloat16):
                logits = model(xb)
                loss = F.cross_entropy(logits, yb)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        val_loss, val_acc = evaluate(model, val_x, val_y, device)
        print(f"epoch {epoch} train_loss {sum(losses) / len(losses):.4f} "
              f"val_loss {val_loss:.4f} val_acc {val_acc:.4f}")
