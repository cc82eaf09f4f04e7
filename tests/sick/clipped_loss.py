# expect: clipped-loss
# note: the loss itself is clamped to at most 2.0 against spikes; with ten classes it starts at
#       2.30, so the gradient is zero from the first step and nothing is ever learned
# mend: return torch.clamp(loss, max=2.0) -> return loss
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3),
            nn.BatchNorm2d(12),
            nn.ReLU(),
            nn.Conv2d(12, 24, 3),
            nn.BatchNorm2d(24),
            nn.ReLU(),
        )
        self.pool = nn.AdaptiveAvgPool2d(2)
        self.linear = nn.Linear(24 * 4, 10)

    def forward(self, x):
        return self.linear(self.pool(self.features(x)).flatten(1))


class Trainer:
    def __init__(self, model, train_loader, val_loader, lr):
        self.model = model
        self.train_loader = train_loader
        self.val_loader = val_loader
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)

    def compute_loss(self, x, y):
        loss = self.criterion(self.model(x), y)
        return torch.clamp(loss, max=2.0)  # fault

    def fit_epoch(self):
        self.model.train()
        total, count = 0.0, 0
        for x, y in self.train_loader:
            self.optimizer.zero_grad()
            loss = self.compute_loss(x, y)
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(x)
            count += len(x)
        return total / count

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        hits, count = 0, 0
        for x, y in self.val_loader:
            hits += (self.model(x).argmax(1) == y).sum().item()
            count += len(x)
        return hits / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 8 - 1
    train_set, val_set = random_split(TensorDataset(x, torch.tensor(digits.target)), [1500, 297])
    trainer = Trainer(
        ConvNet(),
        DataLoader(train_set, batch_size=50, shuffle=True),
        DataLoader(val_set, batch_size=99),
        lr=2e-3,
    )
    for epoch in range(7):
        loss = trainer.fit_epoch()
        print(f"epoch {epoch + 1}: loss {loss:.4f}  val accuracy {trainer.validate():.4f}")


if __name__ == "__main__":
    main()
