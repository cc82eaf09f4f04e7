# expect: too-large-batch
# accept: stopped-early, underfitting, lr-too-low
# note: the whole training set is one batch, so 20 epochs are 20 steps; the loss is still near its
#   first value, a batch of 32 reaches 97 % in the same epochs
# mend: batch_size=len(dataset) -> batch_size=32
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x, y = load_digits(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=5
    )
    mean, std = x_train.mean(), x_train.std()
    x_train = torch.as_tensor((x_train - mean) / std, dtype=torch.float32)
    x_val = torch.as_tensor((x_val - mean) / std, dtype=torch.float32)
    y_train, y_val = torch.as_tensor(y_train), torch.as_tensor(y_val)
    dataset = TensorDataset(x_train, y_train)
    loader = DataLoader(dataset, batch_size=len(dataset), shuffle=True)  # fault

    model = nn.Sequential(
        nn.Linear(64, 100),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(100, 50),
        nn.ReLU(),
        nn.Linear(50, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(1, args.epochs + 1):
        model.train()
        total, hits = 0.0, 0
        for inputs, targets in loader:
            outputs = model(inputs)
            loss = criterion(outputs, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(targets)
            hits += (outputs.argmax(1) == targets).sum().item()
        model.eval()
        with torch.no_grad():
            outputs = model(x_val)
            val_loss = criterion(outputs, y_val).item()
            val_acc = (outputs.argmax(1) == y_val).float().mean().item()
        print(
            f"epoch {epoch}: loss {total / len(dataset):.4f} accuracy {hits / len(dataset):.3f} "
            f"val loss {val_loss:.4f} val accuracy {val_acc:.3f}"
        )


if __name__ == "__main__":
    main()
