# healthy: stateful LSTM regression with truncated back-propagation: chunks of the series are read
# in order (not shuffled, on purpose) and the detached state goes from one chunk to the next
import argparse

import numpy as np
import torch
import torch.nn as nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--tbptt", type=int, default=25)
parser.add_argument("--epochs", type=int, default=12)
args = parser.parse_args()
np.random.seed(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(1)


def tank_levels(n_tanks, steps):
    """Level of a leaking tank filled by a random valve; only the valve is observed."""
    valve = np.repeat(np.random.rand(n_tanks, steps // 5) < 0.4, 5, axis=1).astype(float)
    level = np.zeros((n_tanks, steps))
    for t in range(1, steps):
        previous = level[:, t - 1]
        inflow = 0.12 * valve[:, t]
        level[:, t] = previous + inflow - 0.06 * np.sqrt(np.maximum(previous, 0))
    level += 0.01 * np.random.randn(n_tanks, steps)
    return valve, level


valve, level = tank_levels(48, 1000)
mean, std = level[:32].mean(), level[:32].std()
x = torch.tensor((valve - 0.4) / 0.49, dtype=torch.float32).unsqueeze(-1)
y = torch.tensor((level - mean) / std, dtype=torch.float32).unsqueeze(-1)
x_train, y_train, x_val, y_val = x[:32], y[:32], x[32:], y[32:]


class LevelModel(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)
        self.state = None

    def reset(self):
        self.state = None

    def forward(self, chunk):
        if self.state is not None:
            self.state = tuple(s.detach() for s in self.state)
        out, self.state = self.lstm(chunk, self.state)
        return self.head(out)


model = LevelModel()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5)
n_chunks = x.size(1) // args.tbptt

for epoch in range(1, args.epochs + 1):
    model.train()
    model.reset()
    train_loss = 0.0
    for k in range(n_chunks):
        part = slice(k * args.tbptt, (k + 1) * args.tbptt)
        optimizer.zero_grad()
        loss = criterion(model(x_train[:, part]), y_train[:, part])
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.5)
        optimizer.step()
        train_loss += loss.item() / n_chunks
    scheduler.step()
    model.eval()
    model.reset()
    with torch.no_grad():
        val_loss = criterion(model(x_val), y_val).item()
    model.reset()
    print(f"epoch {epoch:2d} train {train_loss:.4f} val {val_loss:.4f} "
          f"R2 {1 - val_loss / y_val.var().item():.4f}")
