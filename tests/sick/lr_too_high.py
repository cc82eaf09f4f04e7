# expect: lr-too-high
# accept: loss-flat, dead-relu, huge-updates, loss-diverges, exploding-gradient
# note: SGD with a learning rate of 5; the loss jumps in the first steps, then stays near ln 10
# mend: default=5.0 -> default=0.1
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


def loaders(batch_size):
    x, y = load_digits(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.2, random_state=2, stratify=y
    )
    mean, std = x_train.mean(), x_train.std()
    make = lambda a, b: TensorDataset(  # noqa: E731
        torch.tensor((a - mean) / std, dtype=torch.float32), torch.tensor(b)
    )
    return (
        DataLoader(make(x_train, y_train), batch_size=batch_size, shuffle=True),
        DataLoader(make(x_val, y_val), batch_size=256),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=5.0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    train_loader, val_loader = loaders(args.batch_size)
    net = nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )
    optimizer = optim.SGD(net.parameters(), lr=args.lr)  # fault
    criterion = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        net.train()
        running, seen = 0.0, 0
        for inputs, labels in train_loader:
            optimizer.zero_grad()
            outputs = net(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(labels)
            seen += len(labels)
        net.eval()
        correct = total = 0
        with torch.no_grad():
            for inputs, labels in val_loader:
                correct += (net(inputs).argmax(1) == labels).sum().item()
                total += len(labels)
        print(f"[{epoch + 1}] loss: {running / seen:.3f}  val acc: {correct / total:.3f}")


if __name__ == "__main__":
    main()
