# expect: collapsed-attention
# accept: saturated-activation, badly-scaled-init, growing-attention-logits
# note: a softmax temperature of 0.001 lets each query look at one noisy reading instead of averaging
#   those of its own sensor; the error stays well above what a temperature near 1 gives
import argparse

import torch
from torch import nn

SENSORS, READINGS = 4, 32


class CrossAttention(nn.Module):
    def __init__(self, query_dim, item_dim, width=32, temperature=1e-3):  # fault
        super().__init__()
        self.to_query = nn.Linear(query_dim, width, bias=False)
        self.to_key = nn.Linear(item_dim, width, bias=False)
        self.to_value = nn.Linear(item_dim, width)
        self.temperature = temperature * width**0.5

    def forward(self, query, items):
        q = self.to_query(query).unsqueeze(1)
        scores = (q * self.to_key(items)).sum(-1) / self.temperature  # fault
        attention = torch.softmax(scores, dim=1)
        return (attention.unsqueeze(-1) * self.to_value(items)).sum(1)


class Fusion(nn.Module):
    def __init__(self):
        super().__init__()
        self.attend = CrossAttention(SENSORS, SENSORS + 1)
        self.head = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, query, items):
        return self.head(self.attend(query, items)).squeeze(1)


def measure(n):
    """Noisy readings of four sensors in random order; the target is the level of the asked one."""
    level = torch.randn(n, SENSORS)
    source = torch.randint(SENSORS, (n, READINGS))
    reading = level.gather(1, source) + 0.8 * torch.randn(n, READINGS)
    items = torch.cat([nn.functional.one_hot(source, SENSORS), reading.unsqueeze(-1)], dim=-1)
    asked = torch.randint(SENSORS, (n,))
    query = nn.functional.one_hot(asked, SENSORS).float()
    return query, items, level.gather(1, asked[:, None]).squeeze(1)


def evaluate(model, data):
    model.eval()
    query, items, target = data
    with torch.no_grad():
        return nn.functional.mse_loss(model(query, items), target).item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=600)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    query, items, target = measure(4000)
    val = measure(800)
    model = Fusion()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for step in range(1, args.steps + 1):
        model.train()
        rows = torch.randint(len(target), (64,))
        loss = nn.functional.mse_loss(model(query[rows], items[rows]), target[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 60 == 0:
            print(
                f"step {step} train mse {loss.item():.4f} validation mse {evaluate(model, val):.4f}"
            )
