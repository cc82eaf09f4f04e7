# source: target of a regression not scaled, asked on Stack Overflow for house prices in the hundred thousands
# mend: return x, price -> return x, (price - 250_000) / 100_000
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def houses(n, generator):
    """Size, age, rooms and distance, standardised, and the price in euros."""
    x = torch.randn(n, 4, generator=generator)
    value = 250_000 + 80_000 * x[:, :1] - 30_000 * x[:, 1:2] + 25_000 * x[:, 2:3] * x[:, 3:]
    price = value + 10_000 * torch.randn(n, 1, generator=generator)
    return x, price


def main(epochs=20):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(9)
    loader = DataLoader(TensorDataset(*houses(1000, generator)), batch_size=25, shuffle=True)
    x_val, y_val = houses(250, generator)
    model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1))
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(epochs):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            print(f"epoch {epoch}: validation error {loss_fn(model(x_val), y_val).item():.4g}")


if __name__ == "__main__":
    main()
