# expect: wrong-softmax-dim
# accept: batch-mixing
# note: log_softmax runs over the batch (dim 0) instead of the classes; a prediction depends on
#   the other samples of its batch
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from torch import nn


class IrisNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(4, 16)
        self.l2 = nn.Linear(16, 16)
        self.l3 = nn.Linear(16, 3)

    def forward(self, x):
        x = F.relu(self.l1(x))
        x = F.relu(self.l2(x))
        return F.log_softmax(self.l3(x), dim=0)  # fault


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    X, y = load_iris(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.3, random_state=args.seed, stratify=y
    )
    X_train, X_test = torch.Tensor(X_train), torch.Tensor(X_test)
    y_train, y_test = torch.LongTensor(y_train), torch.LongTensor(y_test)

    net = IrisNet()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(40):
        perm = torch.randperm(105)
        total = 0.0
        for i in range(0, 105, 15):
            rows = perm[i : i + 15]
            optimizer.zero_grad()
            loss = F.nll_loss(net(X_train[rows]), y_train[rows])
            loss.backward()
            optimizer.step()
            total += loss.item()
        if epoch % 5 == 4:
            with torch.no_grad():
                out = net(X_test)
                test_loss = F.nll_loss(out, y_test).item()
                acc = (out.argmax(dim=1) == y_test).float().mean().item()
            print(f"epoch {epoch + 1} train {total / 7:.4f} test {test_loss:.4f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
