# expect: mismatched-normalisation
# accept: split-drift
# note: the validation set is made without the transform, so it arrives as 0..16 instead of
#   standardised
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, Dataset


class Normalize:
    def __init__(self, mean, std):
        self.mean, self.std = mean, std

    def __call__(self, img):
        return (img / 16.0 - self.mean) / self.std


class DigitDataset(Dataset):
    def __init__(self, images, labels, transform=None):
        self.images = images
        self.labels = labels
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = torch.as_tensor(self.images[index], dtype=torch.float32)
        if self.transform:
            image = self.transform(image)
        return image, int(self.labels[index])


class RowRNN(nn.Module):
    """Reads the image row by row."""

    def __init__(self, hidden=48):
        super().__init__()
        self.gru = nn.GRU(8, hidden, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, 10)

    def forward(self, x):
        _, h = self.gru(x)
        return self.fc(torch.cat([h[0], h[1]], dim=1))


def accuracy(model, loader):
    model.eval()
    with torch.no_grad():
        hits = [(model(x).argmax(dim=1) == y).float() for x, y in loader]
    return torch.cat(hits).mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    d = load_digits()
    x_tr, x_va, y_tr, y_va = train_test_split(
        d.images, d.target, test_size=0.2, stratify=d.target, random_state=args.seed
    )
    transform = Normalize(0.3053, 0.3760)
    train_set = DigitDataset(x_tr, y_tr, transform=transform)
    val_set = DigitDataset(x_va, y_va)  # fault
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=64)

    model = RowRNN()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    for epoch in range(8):
        model.train()
        running = 0.0
        for images, labels in train_loader:
            loss = criterion(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            running += loss.item()
        print(f"epoch {epoch}: loss {running / len(train_loader):.3f} "
              f"val accuracy {accuracy(model, val_loader):.3f}")


if __name__ == "__main__":
    main()
