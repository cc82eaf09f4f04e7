# expect: misstepped-scheduler
# accept: lr-too-low
# note: OneCycle planned for every batch but stepped once per epoch; the rate stays at max_lr / 25
import argparse
import math

import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR


def make_series(n=1800):
    t = torch.arange(n, dtype=torch.float32)
    wave = torch.sin(t / 6) + 0.5 * torch.sin(t / 17 + 1) + 0.3 * torch.sin(t / 2.5)
    return (wave - wave.mean()) / wave.std()


def windows(series, length):
    frames = series.unfold(0, length + 1, 1)
    return frames[:, :-1].unsqueeze(-1), frames[:, -1:]


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.GRU(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        states, _ = self.rnn(x)
        return self.head(states[:, -1])


def main(args):
    torch.manual_seed(args.seed)
    series = make_series() + 0.05 * torch.randn(1800)
    x_train, y_train = windows(series[:1300], 20)
    x_val, y_val = windows(series[1300:], 20)
    net = Forecaster()
    batches = math.ceil(len(x_train) / args.batch_size)
    optimizer = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=0.9, nesterov=True)
    scheduler = OneCycleLR(optimizer, max_lr=args.lr, total_steps=args.epochs * batches)
    mse = nn.MSELoss()
    for epoch in range(args.epochs):
        net.train()
        order = torch.randperm(len(x_train))
        running = 0.0
        for chunk in order.split(args.batch_size):
            loss = mse(net(x_train[chunk]), y_train[chunk])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            running += loss.item() * len(chunk)
        scheduler.step()  # fault
        net.eval()
        with torch.no_grad():
            val = mse(net(x_val), y_val).item()
        rate = scheduler.get_last_lr()[0]
        print(f"epoch {epoch} mse {running / len(order):.4f} val {val:.4f} lr {rate:.4f}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--epochs", type=int, default=12)
    p.add_argument("--batch-size", type=int, default=32)
    p.add_argument("--lr", type=float, default=0.1)
    torch.set_num_threads(1)
    main(p.parse_args())
