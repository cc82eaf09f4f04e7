# expect: unregistered-parameters
# accept: parameters-not-in-optimizer
# note: the per-sensor encoders live in a plain dict, so model.parameters() misses them; only
#   the small head learns
import argparse

import torch
from torch import nn

SENSORS = ("accel", "gyro", "mic")


class FusionNet(nn.Module):
    def __init__(self, n_classes, width=24):
        super().__init__()
        self.encoders = {}  # fault
        for name in SENSORS:
            self.encoders[name] = nn.Sequential(  # fault
                nn.Linear(20, width), nn.Tanh(), nn.Linear(width, 2), nn.Tanh()
            )
        self.head = nn.Linear(2 * len(SENSORS), n_classes)

    def forward(self, batch):
        parts = [self.encoders[s](batch[s]) for s in SENSORS]
        return self.head(torch.cat(parts, dim=1))


def simulate(n, gen):
    base = torch.Generator().manual_seed(99)
    label = torch.randint(0, 6, (n,), generator=gen)
    out = {}
    for s in SENSORS:
        proto = torch.randn(6, 20, generator=base)
        sign = torch.randint(0, 2, (n, 1), generator=gen) * 2.0 - 1
        out[s] = sign * proto[label] + 0.6 * torch.randn(n, 20, generator=gen)
    return out, label


def take(batch, idx):
    return {k: v[idx] for k, v in batch.items()}


def train(model, data, target, optimizer, criterion, batch_size=40):
    model.train()
    losses = []
    for idx in torch.randperm(len(target)).split(batch_size):
        optimizer.zero_grad()
        loss = criterion(model(take(data, idx)), target[idx])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


@torch.no_grad()
def validate(model, data, target):
    model.eval()
    return (model(data).argmax(1) == target).float().mean().item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    opts = parser.parse_args()
    torch.manual_seed(opts.seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(opts.seed)
    train_x, train_y = simulate(1600, gen)
    val_x, val_y = simulate(400, gen)
    model = FusionNet(6)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)  # fault
    criterion = nn.CrossEntropyLoss()
    for epoch in range(12):
        loss = train(model, train_x, train_y, optimizer, criterion)
        print(f"epoch {epoch:02d} loss {loss:.3f} val acc {validate(model, val_x, val_y):.3f}")
