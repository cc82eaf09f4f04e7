# source: a rebuilt Stack Overflow fault: a network fits a sine, but its last layer has a ReLU and is never negative
# mend: torch.relu(self.out(h)) -> self.out(h)
import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Curve(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first = nn.Linear(1, width)
        self.second = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)

    def forward(self, x):
        h = torch.tanh(self.first(x))
        h = torch.tanh(self.second(h))
        return torch.relu(self.out(h))


def sample(n):
    x = 6.28 * torch.rand(n, 1) - 3.14
    return x, torch.sin(2 * x) + 0.05 * torch.randn(n, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--width", type=int, default=32)
    args = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    loader = DataLoader(TensorDataset(*sample(800)), batch_size=32, shuffle=True)
    x_val, y_val = sample(200)
    model = Curve(args.width)
    mse = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(args.epochs):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss = mse(model(x), y)
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            print(f"epoch {epoch}: validation error {mse(model(x_val), y_val).item():.4f}")


if __name__ == "__main__":
    main()
