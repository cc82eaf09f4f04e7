# expect: batch-mixing
# accept: batched-differs
# note: the (batch, time, sensor) input is brought to time-first by view instead of a transpose, so
#       one sequence of the LSTM is made of steps of many samples; accuracy stays near chance
# mend: x.view(steps, batch, sensors) -> x.transpose(0, 1)
import argparse

import torch
import torch.nn.functional as F
from torch import nn

STEPS, SENSORS, CLASSES = 20, 3, 4


def make_split(n, generator):
    """Each class is a different motion pattern seen by three noisy sensors."""
    y = torch.randint(0, CLASSES, (n,), generator=generator)
    t = torch.arange(STEPS, dtype=torch.float32)
    phase = 6.28 * torch.rand(n, 1, generator=generator)
    slow, fast = torch.sin(t / 3 + phase), torch.sin(t + phase)
    up = torch.linspace(-1.5, 1.5, STEPS).expand(n, STEPS)
    table = torch.stack(
        [
            torch.stack([slow, fast, up], dim=-1),
            torch.stack([slow, fast, -up], dim=-1),
            torch.stack([fast, slow, up], dim=-1),
            torch.stack([fast, slow, -up], dim=-1),
        ]
    )
    x = table[y, torch.arange(n)]
    return x + 0.4 * torch.randn(x.shape, generator=generator), y


class SensorLSTM(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(SENSORS, hidden)
        self.out = nn.Linear(hidden, CLASSES)

    def forward(self, x):
        batch, steps, sensors = x.shape
        seq = x.view(steps, batch, sensors)  # fault
        hidden, _ = self.lstm(seq)
        return self.out(hidden.mean(dim=0))


def run():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    gen = torch.Generator().manual_seed(1000 + args.seed)
    x_train, y_train = make_split(1200, gen)
    x_val, y_val = make_split(300, gen)
    model = SensorLSTM()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)

    for epoch in range(12):
        model.train()
        loss_sum = 0.0
        for idx in torch.randperm(len(x_train)).split(40):
            loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(idx)
        model.eval()
        with torch.no_grad():
            logits = torch.cat([model(part) for part in x_val.split(40)])
            val_loss = F.cross_entropy(logits, y_val).item()
            acc = (logits.argmax(1) == y_val).float().mean().item()
        print(f"{epoch:2d} train {loss_sum / len(x_train):.3f} val {val_loss:.3f} acc {acc:.3f}")


if __name__ == "__main__":
    run()
