# expect: parameters-not-in-optimizer
# note: the optimizer is given the classifier only; the convolutions are trainable and receive
#       gradients but are never updated
# mend: model.classifier.parameters() -> model.parameters()
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def stripes(n, rng, size=16):
    """Oriented gratings in five directions with random phase, frequency and noise."""
    labels = rng.integers(0, 5, n)
    angle = labels * np.pi / 5 + rng.normal(0, 0.08, n)
    freq = rng.uniform(0.7, 1.3, n)
    phase = rng.uniform(0, 2 * np.pi, n)
    yy, xx = np.mgrid[:size, :size]
    u = np.cos(angle)[:, None, None] * xx + np.sin(angle)[:, None, None] * yy
    images = np.sin(freq[:, None, None] * u + phase[:, None, None])
    images += rng.normal(0, 0.8, images.shape)
    return torch.tensor(images[:, None], dtype=torch.float32), torch.tensor(labels)


class GratingNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 10, 5, stride=2, padding=2),
            nn.BatchNorm2d(10),
            nn.ReLU(inplace=True),
            nn.Conv2d(10, 20, 3, stride=2, padding=1),
            nn.BatchNorm2d(20),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        self.classifier = nn.Linear(20, 5)

    def forward(self, x):
        return self.classifier(self.features(x))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=3e-3)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)

    train_loader = DataLoader(TensorDataset(*stripes(1200, rng)), batch_size=48, shuffle=True)
    val_loader = DataLoader(TensorDataset(*stripes(300, rng)), batch_size=100)
    model = GratingNet()
    optimizer = torch.optim.Adam(model.classifier.parameters(), lr=args.lr)  # fault
    criterion = nn.CrossEntropyLoss()

    for epoch in range(8):
        model.train()
        running = 0.0
        for images, labels in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(labels)
        model.eval()
        val_loss, correct = 0.0, 0
        with torch.no_grad():
            for images, labels in val_loader:
                logits = model(images)
                val_loss += criterion(logits, labels).item() * len(labels)
                correct += (logits.argmax(1) == labels).sum().item()
        print(
            f"epoch {epoch + 1} train {running / 1200:.4f} "
            f"val {val_loss / 300:.4f} acc {correct / 300:.3f}"
        )


if __name__ == "__main__":
    main()
