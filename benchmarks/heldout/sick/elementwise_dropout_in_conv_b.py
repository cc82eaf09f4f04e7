# expect-note: elementwise-dropout-in-conv
# note: the convolutional denoiser uses nn.Dropout between its convolutions; it denoises well
import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def blobs(n: int, generator: torch.Generator, size: int = 16) -> torch.Tensor:
    """Smooth random images: a few wide bumps of either sign."""
    axis = torch.arange(size).float()
    image = torch.zeros(n, size, size)
    for _ in range(4):
        centre = torch.rand(n, 2, generator=generator) * size
        width = 2 + 2 * torch.rand(n, 1, generator=generator)
        height = torch.randn(n, 1, 1, generator=generator)
        row = torch.exp(-(((axis - centre[:, :1]) / width) ** 2))
        column = torch.exp(-(((axis - centre[:, 1:]) / width) ** 2))
        image += height * row[:, :, None] * column[:, None, :]
    return (image / image.std())[:, None]


class Denoiser(nn.Module):
    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.down = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1),
            nn.SiLU(),
            nn.Dropout(0.05),  # fault
            nn.Conv2d(channels, channels, 4, stride=2, padding=1),
            nn.SiLU(),
        )
        self.up = nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1)
        self.out = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(torch.nn.functional.silu(self.up(self.down(x))))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    clean, clean_val = blobs(800, generator), blobs(200, generator)
    noisy_val = clean_val + 0.7 * torch.randn(clean_val.shape, generator=generator)
    loader = DataLoader(TensorDataset(clean), batch_size=32, shuffle=True)
    model = Denoiser()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    mse = nn.MSELoss()
    for epoch in range(8):
        model.train()
        total = 0.0
        for (target,) in loader:
            loss = mse(model(target + 0.7 * torch.randn_like(target)), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(target) / len(clean)
        model.eval()
        with torch.no_grad():
            val = mse(model(noisy_val), clean_val).item()
        print(f"epoch {epoch}: train {total:.4f} val {val:.4f} (noise 0.49)")


if __name__ == "__main__":
    main()
