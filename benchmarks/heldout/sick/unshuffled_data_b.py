# expect: unshuffled-data
# note: doses are recorded in rising order and batched in that order, the fit follows the last ones
import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)


def experiment(n_doses, repeats):
    """Response of cell cultures; the robot works through the doses one after the other."""
    dose = torch.linspace(-2, 2, n_doses).repeat_interleave(repeats)
    temperature = torch.randn(len(dose))
    acidity = torch.randn(len(dose))
    response = 1.6 * torch.tanh(2.5 * dose - 0.5) - 0.8 * dose.square()
    response += 0.3 * temperature * torch.sigmoid(2 * dose) + 0.2 * acidity
    response += 0.1 * torch.randn(len(dose))
    return torch.stack([dose / 1.16, temperature, acidity], dim=1), response.unsqueeze(1)


class DoseNet(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(3, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 1),
        )

    def forward(self, x):
        return self.layers(x)


def batches(x, y, size):
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size]  # fault


inputs, targets = experiment(200, 10)
held_out = torch.rand(len(inputs)) < 0.2
x_val, y_val = inputs[held_out], targets[held_out]
x, y = inputs[~held_out], targets[~held_out]
shift, spread = y.mean(), y.std()
y, y_val = (y - shift) / spread, (y_val - shift) / spread

net = DoseNet()
optimizer = torch.optim.RMSprop(net.parameters(), lr=2e-3)
loss_fn = nn.MSELoss()
for epoch in range(1, 13):
    running, count = 0.0, 0
    for xb, yb in batches(x, y, 50):  # fault
        loss = loss_fn(net(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(xb)
        count += len(xb)
    with torch.no_grad():
        val = loss_fn(net(x_val), y_val).item()
    print(f"epoch {epoch:2d} | train {running / count:.4f} | val {val:.4f}")
