# source: weights initialised with zeros, a fault that mutation tools put in and that beginners ask about
# mend: nn.init.zeros_(m.weight) -> nn.init.kaiming_normal_(m.weight)
import argparse

import torch
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from torch import nn


def reset(m):
    if isinstance(m, nn.Linear):
        nn.init.zeros_(m.weight)
        nn.init.zeros_(m.bias)


class Iris(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.a = nn.Linear(4, hidden)
        self.b = nn.Linear(hidden, hidden)
        self.c = nn.Linear(hidden, 3)
        self.apply(reset)

    def forward(self, x):
        x = torch.relu(self.a(x))
        x = torch.relu(self.b(x))
        return self.c(x)


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--lr", type=float, default=0.01)
    return parser.parse_args()


def run(args):
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = load_iris(return_X_y=True)
    x_tr, x_te, y_tr, y_te = train_test_split(x, y, test_size=0.4, random_state=args.seed, stratify=y)
    mean, std = x_tr.mean(0), x_tr.std(0)
    x_tr, x_te = (torch.tensor((a - mean) / std, dtype=torch.float32) for a in (x_tr, x_te))
    y_tr, y_te = torch.tensor(y_tr), torch.tensor(y_te)
    model, criterion = Iris(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    for epoch in range(args.epochs):
        model.train()
        for rows in torch.randperm(len(x_tr)).split(15):
            loss = criterion(model(x_tr[rows]), y_tr[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            correct = (model(x_te).argmax(1) == y_te).sum().item()
        print(f"epoch {epoch:3d} loss {loss.item():.4f} correct {correct}/{len(y_te)}")


if __name__ == "__main__":
    run(parse())
