# expect: unscaled-input
# note: images already in 0..1 are divided by 255 again: inputs near 0.001, loss stays at ln 10
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset


class DigitImages(Dataset):
    def __init__(self, images, labels):
        self.images = torch.from_numpy(images).float() / images.max()
        self.labels = torch.from_numpy(labels)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = self.images[i] / 255.0  # fault
        return image.unsqueeze(0), self.labels[i]


def make_model():
    return nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=3),
        nn.ReLU(),
        nn.Conv2d(16, 24, kernel_size=3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(24 * 4 * 4, 10),
    )


def train(model, loader, optimizer, criterion):
    model.train()
    total = 0.0
    for images, labels in loader:
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    return total / len(loader.dataset)


@torch.no_grad()
def test(model, loader, criterion):
    model.eval()
    total, correct = 0.0, 0
    for images, labels in loader:
        output = model(images)
        total += criterion(output, labels).item() * len(labels)
        correct += (output.argmax(dim=1) == labels).sum().item()
    return total / len(loader.dataset), correct / len(loader.dataset)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    digits = load_digits()
    order = torch.randperm(len(digits.images)).numpy()
    train_set = DigitImages(digits.images[order[:1300]], digits.target[order[:1300]])
    test_set = DigitImages(digits.images[order[1300:]], digits.target[order[1300:]])
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=100)

    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(8):
        train_loss = train(model, train_loader, optimizer, criterion)
        test_loss, accuracy = test(model, test_loader, criterion)
        print(f"{epoch} train {train_loss:.4f} test {test_loss:.4f} accuracy {accuracy:.4f}")
