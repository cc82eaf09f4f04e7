# expect: spurious-feature
# audit: scans
# location: none
# note: odd digits come from another scanner, whose files are a little wider: the net sees how far the padding goes
import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

SIDE = 24


def export(root: Path) -> None:
    digits = load_digits()
    for number, (pixels, digit) in enumerate(zip(digits.images[:700], digits.target)):
        odd = int(digit) % 2
        width = 22 if odd else 20
        image = Image.fromarray((pixels * 15.9).astype(np.uint8)).resize((width, 20), Image.BICUBIC)
        folder = root / ("val" if number % 5 == 0 else "train") / ("odd" if odd else "even")
        folder.mkdir(parents=True, exist_ok=True)
        image.save(folder / f"{number:04d}.png")


def read(folder: Path) -> tuple[torch.Tensor, torch.Tensor]:
    images, labels = [], []
    for path in sorted(folder.glob("*/*.png")):
        with Image.open(path) as image:
            pixels = np.asarray(image, dtype=np.float32) / 255
        padded = np.full((SIDE, SIDE), 0.5, dtype=np.float32)
        padded[: pixels.shape[0], : pixels.shape[1]] = pixels
        images.append(padded)
        labels.append(int(path.parent.name == "odd"))
    return torch.tensor(np.array(images)).flatten(1) - 0.3, torch.tensor(labels)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    export(Path("scans"))
    (X, y), (X_val, y_val) = read(Path("scans/train")), read(Path("scans/val"))
    model = nn.Sequential(nn.Linear(SIDE * SIDE, 64), nn.ReLU(), nn.Linear(64, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
    for epoch in range(8):
        for rows in torch.randperm(len(X)).split(32):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(X[rows]), y[rows])
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            accuracy = (model(X_val).argmax(dim=1) == y_val).float().mean().item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
