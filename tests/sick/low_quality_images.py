# expect: low-quality-images
# audit: scans
# location: none
# note: the second scanner gives 4 bits, which are written as they are: one image in twelve is nearly black
import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SCANNERS = {"north": 255 / 16, "south": 1.0}  # fault


def export(root: Path) -> None:
    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target)):
        scanner = "south" if number % 12 == 7 else "north"
        folder = root / ("val" if number % 5 == 0 else "train") / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray((pixels * SCANNERS[scanner]).round().astype(np.uint8))
        image.resize((16, 16), Image.BILINEAR).save(folder / f"{number:04d}.png")


def load(folder: Path) -> TensorDataset:
    files = sorted(folder.glob("*/*.png"))
    images = np.stack([np.asarray(Image.open(f), dtype=np.float32) / 255 for f in files])
    labels = torch.tensor([int(f.parent.name) for f in files])
    return TensorDataset(torch.from_numpy(images)[:, None], labels)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 12, 3, stride=2)
        self.hidden = nn.Linear(12 * 7 * 7, 64)
        self.out = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv(x - 0.3)).flatten(1)
        return self.out(torch.relu(self.hidden(x)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    root = Path("scans")
    export(root)
    train_loader = DataLoader(load(root / "train"), batch_size=50, shuffle=True)
    val_loader = DataLoader(load(root / "val"), batch_size=200)
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(args.epochs):
        model.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            hits = sum((model(x).argmax(1) == y).sum().item() for x, y in val_loader)
        print(f"epoch {epoch + 1}: accuracy {hits / len(val_loader.dataset):.3f}")


if __name__ == "__main__":
    main()
