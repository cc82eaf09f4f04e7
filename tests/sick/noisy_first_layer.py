# expect: parameters-not-in-optimizer
# accept: noisy-first-layer, frozen-parameters
# note: the optimizer gets the later layers only; the filters of the first layer stay the noise they
#   were drawn as and the accuracy stays below that of a net trained as a whole
# mend: [*model.mix.parameters(), *model.head.parameters()] -> model.parameters()
import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def gratings(n, size=16, classes=6):
    """Stripes under noise; the class is the direction of the stripes."""
    label = torch.randint(classes, (n,))
    angle = (label + 0.3 * torch.randn(n)) * torch.pi / classes
    wavelength = 3.5 + 2 * torch.rand(n)
    grid = torch.arange(size).float()
    yy, xx = torch.meshgrid(grid, grid, indexing="ij")
    along = angle.cos()[:, None, None] * xx + angle.sin()[:, None, None] * yy
    phase = 6.283 * (along / wavelength[:, None, None] + torch.rand(n, 1, 1))
    image = torch.sin(phase) + 1.0 * torch.randn(n, size, size)
    return image.unsqueeze(1) / 1.22, label


class StripeNet(nn.Module):
    def __init__(self, filters=8, classes=6):
        super().__init__()
        self.filters = nn.Conv2d(1, filters, 7, stride=2)
        self.mix = nn.Conv2d(filters, 16, 1)
        self.head = nn.Linear(16, classes)

    def forward(self, x):
        x = torch.relu(self.filters(x))
        x = torch.relu(self.mix(x)).mean((2, 3))
        return self.head(x)


def train_epoch(model, loader, criterion, optimizer):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(y)
    return total / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = gratings(1600)
    x_val, y_val = gratings(400)
    loader = DataLoader(TensorDataset(x, y), batch_size=40, shuffle=True)
    model = StripeNet()
    criterion = nn.CrossEntropyLoss()
    trained = [*model.mix.parameters(), *model.head.parameters()]  # fault
    optimizer = torch.optim.Adam(trained, lr=5e-3)  # fault
    for epoch in range(args.epochs):
        loss = train_epoch(model, loader, criterion, optimizer)
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            val = criterion(logits, y_val).item()
            acc = (logits.argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch:2d} train {loss:.4f} val {val:.4f} accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
