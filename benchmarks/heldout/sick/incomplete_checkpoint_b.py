# expect: incomplete-checkpoint
# accept: loss-spikes
# note: the run is resumed from the weights and the step alone; Adam starts with empty moments and
#   the decayed rate is back at its first value, so the loss jumps up
import argparse
import io
import math

import torch
import torch.nn.functional as F
from torch import nn

LENGTHS = (0.5, 0.3, 0.2)


def arm(n, generator=None):
    """Joint angles of a planar arm and the place of its hand, as a camera sees it."""
    angles = (torch.rand(n, 3, generator=generator) * 2 - 1) * math.pi / 2
    total = angles.cumsum(1)
    links = torch.tensor(LENGTHS)
    hand = torch.stack([(links * total.cos()).sum(1), (links * total.sin()).sum(1)], dim=1)
    hand = hand + 0.04 * torch.randn(n, 2, generator=generator)
    return angles, (hand - torch.tensor([0.5, 0.0])) / 0.4


class HandModel(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.first = nn.Linear(3, width)
        self.second = nn.Linear(width, width)
        self.third = nn.Linear(width, 2)

    def forward(self, angles):
        h = torch.tanh(self.first(angles))
        return self.third(torch.tanh(self.second(h)))


def new_optimizer(model):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    return optimizer, torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.993)


def fit(model, optimizer, scheduler, data, steps):
    x, y, x_val, y_val = data
    running = 0.0
    for step in steps:
        rows = torch.randint(len(x), (64,))
        loss = F.mse_loss(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        running += loss.item()
        if step % 50 == 49:
            with torch.no_grad():
                val = F.mse_loss(model(x_val), y_val).item()
            print(f"step {step + 1} train {running / 50:.5f} val {val:.5f}")
            running = 0.0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    torch.set_num_threads(1)
    data = (*arm(4000), *arm(1000))
    model = HandModel()
    optimizer, scheduler = new_optimizer(model)
    fit(model, optimizer, scheduler, data, range(400))

    buffer = io.BytesIO()
    torch.save({"step": 400, "state_dict": model.state_dict()}, buffer)  # fault
    buffer.seek(0)
    saved = torch.load(buffer)

    model = HandModel()
    model.load_state_dict(saved["state_dict"])
    optimizer, scheduler = new_optimizer(model)  # fault
    fit(model, optimizer, scheduler, data, range(saved["step"], 550))


if __name__ == "__main__":
    main()
