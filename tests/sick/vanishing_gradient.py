# expect: vanishing-gradient
# accept: saturating-activation, loss-flat, unstable-depth, badly-scaled-init
# note: eight sigmoid layers, each passes on at most a quarter of the gradient; the first layers get
#   gradients thousands of times smaller than the last and the loss stays at ln 10
# mend: nn.Sigmoid() -> nn.Tanh()
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class DeepNet(nn.Module):
    def __init__(self, width=48, depth=8):
        super().__init__()
        self.first = nn.Linear(64, width)
        self.hidden = nn.ModuleList([nn.Linear(width, width) for _ in range(depth - 1)])
        self.last = nn.Linear(width, 10)
        self.act = nn.Sigmoid()  # fault

    def forward(self, x):
        x = self.act(self.first(x))
        for layer in self.hidden:
            x = self.act(layer(x))  # fault
        return self.last(x)


def get_loaders(batch_size):
    x, y = load_digits(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=11
    )
    mean, std = x_train.mean(), x_train.std()
    sets = []
    for a, b in ((x_train, y_train), (x_val, y_val)):
        a = torch.tensor((a - mean) / std, dtype=torch.float32)
        sets.append(TensorDataset(a, torch.tensor(b)))
    return (
        DataLoader(sets[0], batch_size=batch_size, shuffle=True),
        DataLoader(sets[1], batch_size=batch_size),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=14)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    train_loader, val_loader = get_loaders(48)
    model = DeepNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(args.epochs):
        model.train()
        loss_sum, n = 0.0, 0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(y)
            n += len(y)
        model.eval()
        correct, n_val = 0, 0
        with torch.no_grad():
            for x, y in val_loader:
                correct += (model(x).argmax(dim=1) == y).sum().item()
                n_val += len(y)
        print(f"epoch {epoch + 1} loss {loss_sum / n:.4f} val accuracy {correct / n_val:.4f}")


if __name__ == "__main__":
    main()
