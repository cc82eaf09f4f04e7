# expect: misstepped-scheduler
# note: OneCycleLR is built for steps_per_epoch * epochs steps but stepped once per epoch; the LR
#   stays at its start
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, TensorDataset


class ConvAutoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(128, 12),
        )
        self.decoder = nn.Sequential(
            nn.Linear(12, 128),
            nn.ReLU(),
            nn.Unflatten(1, (32, 2, 2)),
            nn.ConvTranspose2d(32, 16, 2, stride=2),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 2, stride=2),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--max-lr", type=float, default=0.1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    images = torch.tensor(load_digits().images, dtype=torch.float32).unsqueeze(1) / 16
    images = images[torch.randperm(len(images))]
    train_loader = DataLoader(TensorDataset(images[:1500]), batch_size=50, shuffle=True)
    val_images = images[1500:]

    model = ConvAutoencoder()
    criterion = nn.BCELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.max_lr, momentum=0.9, nesterov=True)
    scheduler = OneCycleLR(
        optimizer, max_lr=args.max_lr, steps_per_epoch=len(train_loader), epochs=args.epochs
    )
    for epoch in range(args.epochs):
        model.train()
        epoch_loss = 0.0
        for (batch,) in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(batch), batch)
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item()
        scheduler.step()  # fault

        model.eval()
        with torch.no_grad():
            val_loss = criterion(model(val_images), val_images).item()
        print(f"epoch {epoch + 1}/{args.epochs} loss {epoch_loss / len(train_loader):.4f} "
              f"val {val_loss:.4f}")


if __name__ == "__main__":
    main()
