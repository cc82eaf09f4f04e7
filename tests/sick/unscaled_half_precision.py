# expect: unscaled-half-precision
# accept: zero-gradient, vanishing-gradient, tiny-updates, loss-flat
# note: float16 autocast without a gradient scaler; the loss is divided by the size of the whole
#   training set, most gradients are below what float16 can hold and become zero
# mend: optimizer.step() -> scaler.step(optimizer)\n            scaler.update()
# mend: loss.backward() -> scaler.scale(loss).backward()
# mend: epochs, 2e-4) -> epochs, 2e-4)\n    scaler = torch.amp.GradScaler("cpu")
import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

BINS = 1024


def simulate(n, generator):
    """Spectra of three lines whose place, width and height follow from five parameters."""
    params = torch.rand(n, 5, generator=generator) * 2 - 1
    axis = torch.linspace(-1, 1, BINS)
    spectra = torch.zeros(n, BINS)
    for k, centre in enumerate((-0.5, 0.0, 0.5)):
        place = centre + 0.1 * params[:, [k]]
        width = 0.2 + 0.05 * params[:, [3]]
        height = 1 + 0.5 * params[:, [4]] * (k - 1)
        spectra += height * torch.exp(-(((axis - place) / width) ** 2))
    return params, spectra


class Emulator(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(5, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )
        self.head = nn.Linear(width, BINS)

    def forward(self, x):
        return self.head(self.body(x))


def validate(model, params, spectra):
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.float16):
        out = model(params)
    return (out.float() - spectra).pow(2).mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=4)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    source = torch.Generator().manual_seed(11)
    (x_train, y_train), (x_val, y_val) = simulate(10000, source), simulate(400, source)
    mean, std = y_train.mean(0), y_train.std()
    y_train, y_val = (y_train - mean) / std, (y_val - mean) / std
    model = Emulator()
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=80, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs, 2e-4)
    for epoch in range(args.epochs):
        model.train()
        epoch_loss = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.float16):  # fault
                out = model(x)
                loss = (out.float() - y).pow(2).sum() / y_train.numel()
            loss.backward()  # fault
            optimizer.step()
            epoch_loss += loss.item()
        schedule.step()
        print(f"epoch {epoch} train {epoch_loss:.5f} val {validate(model, x_val, y_val):.5f}")


if __name__ == "__main__":
    main()
