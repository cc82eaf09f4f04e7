# expect: padding-in-loss
# note: the squared error is averaged over padded time steps too, where the target means nothing
import argparse

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def trips(n: int, g: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    """Accelerometer readings and the speed at each step, for trips of 6 to 60 steps."""
    out = []
    for _ in range(n):
        length = int(6 + 54 * torch.rand((), generator=g) ** 3)
        acceleration = torch.randn(length, generator=g)
        speed, speeds = torch.tensor(5.0), []
        for a in acceleration:
            speed = 5.0 + 0.8 * (speed - 5.0) + a
            speeds.append(speed)
        reading = acceleration + 0.1 * torch.randn(length, generator=g)
        out.append((reading[:, None], (torch.stack(speeds) - 3.0) / 2.0))
    return out


def to_batch(items: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    longest = max(len(y) for _, y in items)
    x = torch.zeros(len(items), longest, 1)
    y = torch.zeros(len(items), longest)
    mask = torch.zeros(len(items), longest)
    for i, (xi, yi) in enumerate(items):
        x[i, : len(xi)], y[i, : len(yi)], mask[i, : len(yi)] = xi, yi, 1.0
    return x, y, mask


class SpeedNet(nn.Module):
    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.gru(x)[0]).squeeze(-1)


def masked_rmse(model: nn.Module, items: list[tuple[Tensor, Tensor]]) -> float:
    model.eval()
    x, y, mask = to_batch(items)
    with torch.no_grad():
        error = (model(x) - y) ** 2 * mask
    return (error.sum() / mask.sum()).sqrt().item()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch-size", type=int, default=25)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    g = torch.Generator().manual_seed(args.seed)
    train, val = trips(500, g), trips(150, g)

    model = SpeedNet()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
    for epoch in range(12):
        model.train()
        order = torch.randperm(len(train), generator=g).tolist()
        total = 0.0
        for i in range(0, len(order), args.batch_size):
            x, y, _ = to_batch([train[k] for k in order[i : i + args.batch_size]])
            prediction = model(x)
            loss = F.mse_loss(prediction, y)  # fault
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * args.batch_size / len(order)
        print(f"epoch {epoch:2d}: train mse {total:.4f}, val rmse {masked_rmse(model, val):.4f}")


if __name__ == "__main__":
    main()
