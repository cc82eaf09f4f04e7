# healthy: mixed-precision boilerplate with the flag off: autocast and GradScaler are there but
# disabled on the CPU, so scale, unscale and update do nothing; 1-D CNN with batch norm and
# Dropout1d
import argparse

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


class ConvNet1d(nn.Module):
    def __init__(self, n_classes=4):
        super().__init__()
        widths = (1, 16, 32, 32)
        layers = []
        for cin, cout in zip(widths, widths[1:]):
            layers += [nn.Conv1d(cin, cout, 5, stride=2, padding=2, bias=False),
                       nn.BatchNorm1d(cout), nn.ReLU()]
        self.features = nn.Sequential(*layers, nn.Dropout1d(0.1))
        self.classifier = nn.Linear(widths[-1], n_classes)

    def forward(self, x):
        return self.classifier(self.features(x).mean(dim=-1))


def ecg_like(n, rng, length=96):
    """Trains of beats: regular, irregular, with an inverted wave, or with a doubled peak."""
    t = np.arange(length)
    label = rng.integers(0, 4, n)
    x = rng.normal(0, 0.15, (n, length))
    for i, kind in enumerate(label):
        gap = rng.uniform(16, 24)
        beat = rng.uniform(0, gap)
        while beat < length:
            x[i] += np.exp(-0.5 * ((t - beat) / 1.5) ** 2)
            sign = -1.0 if kind == 2 else 1.0
            x[i] += sign * 0.4 * np.exp(-0.5 * ((t - beat - 6) / 2.0) ** 2)
            if kind == 3:
                x[i] += 0.8 * np.exp(-0.5 * ((t - beat - 3.5) / 1.2) ** 2)
            beat += gap * (rng.uniform(0.45, 1.55) if kind == 1 else 1.0)
    x = (x - x.mean()) / x.std()
    return torch.tensor(x[:, None], dtype=torch.float32), torch.tensor(label)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=9)
    args = parser.parse_args()
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    use_amp = device.type == "cuda"

    rng = np.random.default_rng(args.seed)
    train_loader = DataLoader(TensorDataset(*ecg_like(2000, rng)), batch_size=50, shuffle=True)
    val_loader = DataLoader(TensorDataset(*ecg_like(500, rng)), batch_size=250)
    model = ConvNet1d().to(device)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, args.epochs, power=0.9)
    scaler = torch.amp.GradScaler(device.type, enabled=use_amp)

    for epoch in range(args.epochs):
        model.train()
        loss_sum = 0.0
        for x, y in train_loader:
            x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device.type, enabled=use_amp):
                loss = criterion(model(x), y)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            loss_sum += loss.item() * len(y)
        scheduler.step()
        model.eval()
        hits = 0
        with torch.inference_mode():
            for x, y in val_loader:
                hits += (model(x.to(device)).argmax(1).cpu() == y).sum().item()
        print(f"epoch {epoch} loss {loss_sum / 2000:.4f} val accuracy {hits / 500:.4f}")


if __name__ == "__main__":
    main()
