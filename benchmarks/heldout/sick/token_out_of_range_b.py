# expect: token-out-of-range
# accept: wrong-dtype, constant-feature
# note: the shop's number is scaled with the other columns and cut back to 0, all shops share a row
import argparse

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

N_SHOPS = 30


def sales_table(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Columns: shop number, price, temperature, weekday share; target: units sold (log)."""
    profile = np.random.default_rng(5).normal(0, 1.0, N_SHOPS)
    shop = rng.integers(0, N_SHOPS, n)
    price = rng.uniform(2, 6, n)
    temperature = rng.normal(15, 7, n)
    weekday = rng.uniform(0, 1, n)
    sold = profile[shop] - 0.35 * price + 0.04 * temperature + 0.5 * weekday
    table = np.column_stack([shop, price, temperature, weekday])
    return table, sold + rng.normal(0, 0.2, n)


def normalise(table: np.ndarray, reference: np.ndarray) -> np.ndarray:
    spread = reference.max(axis=0) - reference.min(axis=0)
    return 1.5 * (table - reference.mean(axis=0)) / spread  # fault


class SalesModel(nn.Module):
    def __init__(self, dim: int = 6) -> None:
        super().__init__()
        self.shop = nn.Embedding(N_SHOPS, dim)
        self.net = nn.Sequential(nn.Linear(dim + 3, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, rows: Tensor) -> Tensor:
        shop = self.shop(rows[:, 0].long())  # fault
        return self.net(torch.cat([shop, rows[:, 1:]], dim=1)).squeeze(1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    table, sold = sales_table(3000, rng)
    sold = (sold - sold.mean()) / sold.std()
    x = torch.tensor(normalise(table, table[:2400]), dtype=torch.float32)
    y = torch.tensor(sold, dtype=torch.float32)
    loader = DataLoader(TensorDataset(x[:2400], y[:2400]), batch_size=64, shuffle=True)

    model = SalesModel()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loss_fn = nn.MSELoss()
    for epoch in range(12):
        model.train()
        train_loss = 0.0
        for rows, target in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(rows), target)
            loss.backward()
            optimizer.step()
            train_loss += loss.item() * len(rows) / 2400
        model.eval()
        with torch.no_grad():
            val_loss = loss_fn(model(x[2400:]), y[2400:]).item()
        print(f"epoch {epoch:2d}: train {train_loss:.4f} val {val_loss:.4f}")


if __name__ == "__main__":
    main()
