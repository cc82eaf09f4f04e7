# expect: unreduced-loss
# accept: lr-too-high
# note: the cross entropy is summed over the 128 samples of a batch instead of averaged, so the step
#       is 128 times what the learning rate of SGD was chosen for; training diverges or stalls
# mend: nn.CrossEntropyLoss(reduction="sum") -> nn.CrossEntropyLoss()
# mend: train_loss += loss.item() -> train_loss += loss.item() * len(y)
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


def parse():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--lr", type=float, default=0.1)
    p.add_argument("--batch-size", type=int, default=128)
    p.add_argument("--epochs", type=int, default=20)
    return p.parse_args()


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.fc2 = nn.Linear(64, 32)
        self.fc3 = nn.Linear(32, 10)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.fc3(x)


def main():
    args = parse()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    x = (torch.tensor(digits.data, dtype=torch.float32) / 16 - 0.305) / 0.376
    train_set, val_set = random_split(TensorDataset(x, torch.tensor(digits.target)), [1437, 360])
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=args.batch_size)

    model = Mlp()
    criterion = nn.CrossEntropyLoss(reduction="sum")  # fault
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)

    for epoch in range(args.epochs):
        model.train()
        train_loss = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)  # fault
            loss.backward()
            optimizer.step()
            train_loss += loss.item()
        model.eval()
        val_loss, correct = 0.0, 0
        with torch.no_grad():
            for x, y in val_loader:
                out = model(x)
                val_loss += nn.functional.cross_entropy(out, y, reduction="sum").item()
                correct += (out.argmax(1) == y).sum().item()
        print(
            f"epoch {epoch:2d}  train {train_loss / len(train_set):.4f}  "
            f"val {val_loss / len(val_set):.4f}  acc {correct / len(val_set):.3f}"
        )


if __name__ == "__main__":
    main()
