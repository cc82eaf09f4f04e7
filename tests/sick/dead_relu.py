# expect: dead-relu
# accept: badly-scaled-init, zero-gradient, loss-flat, collapsed-prediction
# note: the biases of the hidden layers start at -4; most units are off for every input, get no
#   gradient and never come back
# mend: nn.init.constant_(linear.bias, -4.0) -> nn.init.zeros_(linear.bias)
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class MLP(nn.Module):
    def __init__(self, n_in, widths, n_out):
        super().__init__()
        layers = []
        for width in widths:
            linear = nn.Linear(n_in, width)
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.constant_(linear.bias, -4.0)  # fault
            layers += [linear, nn.ReLU()]  # fault
            n_in = width
        self.hidden = nn.Sequential(*layers)
        self.classify = nn.Linear(n_in, n_out)

    def forward(self, x):
        return self.classify(self.hidden(x))


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=14)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = load_digits(return_X_y=True)
    x = (x - x.mean()) / x.std()
    x_train, x_val, y_train, y_val = train_test_split(
        torch.tensor(x, dtype=torch.float32), torch.tensor(y), test_size=0.25, random_state=13
    )
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)
    model = MLP(64, [64, 64], 10)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for xb, yb in loader:
            loss = criterion(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(yb)
        val = accuracy(model, x_val, y_val)
        print(f"epoch {epoch} loss {total / len(y_train):.4f} val {val:.4f}")


if __name__ == "__main__":
    main()
