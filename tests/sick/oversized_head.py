# expect-note: oversized-head
# note: the fully connected part holds nearly all parameters of this conv net; it trains well
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class DigitNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Dropout(0.3),
            nn.Linear(16 * 4 * 4, 128),  # fault
            nn.ReLU(),
            nn.Dropout(0.3),
            nn.Linear(128, 10),
        )

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


def get_loaders(batch_size):
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32)[:, None]
    data = TensorDataset((x - x.mean()) / x.std(), torch.tensor(digits.target))
    train_set, val_set = random_split(data, [1440, 357])
    return DataLoader(train_set, batch_size, shuffle=True), DataLoader(val_set, 119)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=9)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    train_loader, val_loader = get_loaders(48)
    model = DigitNet()
    print(f"{sum(p.numel() for p in model.parameters())} parameters")
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(args.epochs):
        model.train()
        train_loss = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            train_loss += loss.item() * len(y) / 1440
        model.eval()
        val_loss, correct = 0.0, 0
        with torch.no_grad():
            for x, y in val_loader:
                logits = model(x)
                val_loss += criterion(logits, y).item() * len(y) / 357
                correct += (logits.argmax(dim=1) == y).sum().item()
        print(f"epoch {epoch}: {train_loss:.4f} val {val_loss:.4f} acc {correct / 357:.4f}")
