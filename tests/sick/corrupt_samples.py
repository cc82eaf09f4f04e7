# expect: corrupt-samples
# audit: digits
# location: none
# note: files are copied in blocks and the last block is lost, so larger images are cut off; the loader shows them black
import argparse
import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

BLOCK = 600


def export(root: Path) -> None:
    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images, digits.target)):
        image = Image.fromarray((pixels * 15.9).astype(np.uint8)).resize((28, 28), Image.BICUBIC)
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        folder = root / ("val" if number % 5 == 0 else "train") / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        copy(buffer.getvalue(), folder / f"{number:04d}.png")


def copy(data: bytes, path: Path) -> None:
    with path.open("wb") as file:
        for start in range(0, max(len(data) - BLOCK, 1), BLOCK):  # fault
            file.write(data[start : start + BLOCK])


class Scans(Dataset):
    def __init__(self, folder: Path):
        self.files = sorted(folder.glob("*/*.png"))

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        path = self.files[index]
        try:
            with Image.open(path) as image:
                pixels = np.asarray(image, dtype=np.float32) / 255
        except (OSError, SyntaxError):
            pixels = np.zeros((28, 28), dtype=np.float32)
        return torch.from_numpy(pixels).flatten() - 0.3, int(path.parent.name)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=6)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    root = Path("digits")
    export(root)
    train_loader = DataLoader(Scans(root / "train"), batch_size=50, shuffle=True)
    val_loader = DataLoader(Scans(root / "val"), batch_size=200)
    model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
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
