# expect: training-in-eval-mode
# accept: evaluation-changes-state
# note: evaluate() puts the model into eval mode and nothing puts it back, so from the second epoch
#       on batch norm uses frozen statistics and dropout is off while the weights are trained
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class SmallCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(12)
        self.conv2 = nn.Conv2d(12, 20, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(20)
        self.dropout = nn.Dropout(0.3)
        self.fc = nn.Linear(20 * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
        return self.fc(self.dropout(x.flatten(1)))


def evaluate(model, loader):
    model.eval()  # fault
    correct, loss, count = 0, 0.0, 0
    with torch.no_grad():
        for x, y in loader:
            logits = model(x)
            loss += F.cross_entropy(logits, y, reduction="sum").item()
            correct += (logits.argmax(dim=1) == y).sum().item()
            count += len(y)
    return loss / count, correct / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    digits = load_digits()
    images = (torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) - 4.88) / 6.02
    dataset = TensorDataset(images, torch.tensor(digits.target))
    train_set, val_set = random_split(
        dataset, [1397, 400], generator=torch.Generator().manual_seed(args.seed)
    )
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=200)

    model = SmallCNN()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
    model.train()
    for epoch in range(args.epochs):
        total = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)  # fault
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
        val_loss, val_acc = evaluate(model, val_loader)
        print(
            f"epoch {epoch + 1}/{args.epochs}: train loss {total / len(train_set):.4f}, "
            f"val loss {val_loss:.4f}, val acc {val_acc:.4f}"
        )


if __name__ == "__main__":
    main()
