# expect: badly-scaled-init
# accept: exploding-gradient, loss-diverges, loss-spikes, unexpected-initial-loss, lr-too-high
# note: the recurrent matrix of a ReLU network starts 1.4 times too large and nothing clips; over 32
#   steps of time state and gradient grow by four orders of magnitude and the loss is thrown about
# mend: 1.4 * torch.eye(hidden) -> torch.eye(hidden)
import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class ReluRNN(nn.Module):
    def __init__(self, n_in=2, hidden=48):
        super().__init__()
        self.wx = nn.Linear(n_in, hidden)
        self.wh = nn.Linear(hidden, hidden, bias=False)
        self.out = nn.Linear(hidden, 1)
        with torch.no_grad():
            self.wh.weight.copy_(1.4 * torch.eye(hidden))  # fault

    def forward(self, x):
        h = x.new_zeros(x.shape[0], self.wh.in_features)
        for t in range(x.shape[1]):
            h = torch.relu(self.wx(x[:, t]) + self.wh(h))  # fault
        return self.out(h).squeeze(1)


def make_data(n, length=32):
    """Sum of the marked entries of a sequence."""
    value = torch.randn(n, length)
    gate = (torch.rand(n, length) < 0.25).float()
    total = (value * gate).sum(1) / (0.25 * length) ** 0.5
    return torch.stack([value, gate * 2 - 1], dim=2), total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=14)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = make_data(1200)
    x_val, y_val = make_data(300)
    loader = DataLoader(TensorDataset(x, y), batch_size=40, shuffle=True)
    model = ReluRNN()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.MSELoss()
    print(f"variance of the target {y_val.var().item():.3f}")
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(yb)
        model.eval()
        with torch.no_grad():
            val = criterion(model(x_val), y_val).item()
        print(f"epoch {epoch} train {total / len(y):.4g} val {val:.4g}")


if __name__ == "__main__":
    main()
