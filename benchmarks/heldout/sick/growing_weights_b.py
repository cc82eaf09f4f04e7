# expect: growing-weights
# accept: loss-diverges, loss-spikes, exploding-gradient, jittery-predictions
# note: the hand-written weight decay multiplies by 1 + rate instead of 1 - rate; the weights grow by
#   half a percent per step and the forecast gets worse after a good start
import argparse

import torch
from torch import nn


def river(n, generator):
    """Daily flow driven by rain through a slow and a fast reservoir."""
    rain = torch.rand(n, generator=generator)
    rain = torch.where(rain > 0.7, (rain - 0.7) * 10, torch.zeros(n))
    slow, fast, flow = 0.0, 0.0, []
    for r in rain.tolist():
        slow, fast = 0.95 * slow + 0.3 * r, 0.6 * fast + 0.7 * r
        flow.append(slow + fast)
    return rain, torch.tensor(flow)


def windows(rain, flow, days):
    """Rain up to and including the day of the forecast, flow up to the day before."""
    past = torch.stack([rain.unfold(0, days, 1)[1:], flow.unfold(0, days, 1)[:-1]], dim=1)
    return past, flow[days:].unsqueeze(1)


class FlowNet(nn.Module):
    def __init__(self, days=14):
        super().__init__()
        self.conv = nn.Conv1d(2, 16, 3, padding=1)
        self.dense = nn.Linear(16 * days, 32)
        self.out = nn.Linear(32, 1)

    def forward(self, x):
        x = torch.tanh(self.conv(x)).flatten(1)
        return self.out(torch.tanh(self.dense(x)))


@torch.no_grad()
def decay(model, rate):
    for name, p in model.named_parameters():
        if name.endswith("weight"):
            p.mul_(1 + rate)  # fault


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--decay", type=float, default=5e-3)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rain, flow = river(2500, torch.Generator().manual_seed(8))
    rain, flow = (rain - rain.mean()) / rain.std(), (flow - flow.mean()) / flow.std()
    x, y = windows(rain[:2000], flow[:2000], 14)
    x_val, y_val = windows(rain[2000:], flow[2000:], 14)
    model = FlowNet()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    loss_fn = nn.MSELoss()
    for step in range(1, args.steps + 1):
        model.train()
        rows = torch.randint(len(x), (48,))
        loss = loss_fn(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        decay(model, args.decay)
        if step % 50 == 0:
            model.eval()
            with torch.no_grad():
                val = loss_fn(model(x_val), y_val).item()
            print(f"step {step} train {loss.item():.4f} val {val:.4f}")


if __name__ == "__main__":
    main()
