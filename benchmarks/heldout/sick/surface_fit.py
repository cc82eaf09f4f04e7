# expect: symmetric-init
# note: an init hook fills every linear layer with one constant: all units of a layer stay
#   copies of each other
import argparse

import torch
from torch import nn, optim


def init_weights(module):
    if isinstance(module, nn.Linear):
        nn.init.constant_(module.weight, 0.05)  # fault
        nn.init.zeros_(module.bias)


class Surface(nn.Module):
    def __init__(self, n_in, widths):
        super().__init__()
        sizes = [n_in, *widths]
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.act = nn.Tanh()
        self.readout = nn.Linear(sizes[-1], 1)
        self.apply(init_weights)  # fault

    def forward(self, x):
        for layer in self.hidden:
            x = self.act(layer(x))
        return self.readout(x).squeeze(-1)


def peaks(n):
    x = torch.rand(n, 2) * 4 - 2
    y = torch.sin(2 * x[:, 0]) * torch.cos(1.5 * x[:, 1]) + 0.3 * x[:, 0] - 0.3 * x[:, 1]
    return x, y * 1.5 + 0.05 * torch.randn(n)


def fit(model, data, val, epochs, lr):
    x, y = data
    criterion = nn.MSELoss()
    optimizer = optim.Adam(model.parameters(), lr=lr)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(64):
            loss = criterion(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        scheduler.step()
        model.eval()
        with torch.no_grad():
            r2 = 1 - criterion(model(val[0]), val[1]).item() / val[1].var().item()
        if epoch % 3 == 2:
            print(f"epoch {epoch + 1} mse {total / len(x):.4f} val R2 {r2:.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    torch.manual_seed(parser.parse_args().seed)
    torch.set_num_threads(1)
    train_data, val_data = peaks(1600), peaks(400)
    fit(Surface(2, [32, 32]), train_data, val_data, epochs=18, lr=1e-2)
