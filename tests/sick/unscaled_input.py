# expect: unscaled-input
# accept: uncentred-input
# note: raw columns between 0.1 and 1700 enter the net: the first steps throw it off, it stays there
# mend: x_test = torch.tensor(x_test -> mean, std = x_train.mean(0), x_train.std(0)\n    x_test = torch.tensor(x_test
# mend: model = Classifier( -> x_train, x_test = (x_train - mean) / std, (x_test - mean) / std\n    model = Classifier(
import argparse

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn


class Classifier(nn.Module):
    def __init__(self, n_in, n_hidden, n_classes):
        super().__init__()
        self.hidden = nn.Linear(n_in, n_hidden)
        self.hidden2 = nn.Linear(n_hidden, n_hidden)
        self.output = nn.Linear(n_hidden, n_classes)

    def forward(self, x):
        x = nn.functional.relu(self.hidden(x))
        x = nn.functional.relu(self.hidden2(x))
        return self.output(x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=0.05)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    x, y = load_wine(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.3, stratify=y, random_state=args.seed
    )
    x_train = torch.tensor(x_train, dtype=torch.float32)  # fault
    x_test = torch.tensor(x_test, dtype=torch.float32)
    y_train, y_test = torch.tensor(y_train), torch.tensor(y_test)

    model = Classifier(13, 32, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
    loss_fn = nn.CrossEntropyLoss()

    for epoch in range(1, 31):
        order = torch.randperm(len(x_train))
        total = 0.0
        for start in range(0, len(order), 16):
            idx = order[start : start + 16]
            loss = loss_fn(model(x_train[idx]), y_train[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        if epoch % 3 == 0:
            with torch.no_grad():
                logits = model(x_test)
                test_loss = loss_fn(logits, y_test)
                acc = (logits.argmax(1) == y_test).float().mean()
            print(
                f"epoch {epoch:3d}  train loss {total / len(order):.4f}  "
                f"test loss {test_loss:.4f}  test acc {acc:.3f}"
            )


if __name__ == "__main__":
    main()
