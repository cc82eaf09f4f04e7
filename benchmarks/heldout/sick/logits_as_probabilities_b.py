# expect: logits-as-probabilities
# accept: clipped-loss
# note: the raw output of the last linear layer is clamped to (0, 1) and taken for a probability by
#       binary_cross_entropy; samples that start outside give no gradient and a loss of up to 14
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class TumourClassifier(nn.Module):
    def __init__(self, n_features, hidden=20):
        super().__init__()
        self.norm = nn.BatchNorm1d(n_features)
        self.hidden = nn.Linear(n_features, hidden)
        self.output = nn.Linear(hidden, 1)

    def forward(self, x):
        h = torch.tanh(self.hidden(self.norm(x)))
        return self.output(h).squeeze(1)  # fault


def bce(prediction, target):
    prediction = prediction.clamp(1e-6, 1 - 1e-6)
    return F.binary_cross_entropy(prediction, target)  # fault


def accuracy(model, loader):
    model.eval()
    good = total = 0
    with torch.no_grad():
        for x, y in loader:
            good += ((model(x) > 0.5) == (y > 0.5)).sum().item()
            total += len(y)
    return good / total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=0.05)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    data = load_breast_cancer()
    order = torch.randperm(len(data.data))
    x, y = torch.tensor(data.data)[order], torch.tensor(data.target)[order].float()
    x = ((x - x[:439].mean(0)) / x[:439].std(0)).float()
    train_set, val_set = TensorDataset(x[:439], y[:439]), TensorDataset(x[439:], y[439:])
    train_loader = DataLoader(train_set, batch_size=40, shuffle=True, drop_last=True)
    val_loader = DataLoader(val_set, batch_size=65)

    model = TumourClassifier(x.shape[1])
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.8)
    for epoch in range(20):
        model.train()
        loss_sum = 0.0
        for xb, yb in train_loader:
            optimizer.zero_grad()
            loss = bce(model(xb), yb)
            loss.backward()
            optimizer.step()
            loss_sum += loss.item()
        acc = accuracy(model, val_loader)
        print(f"epoch {epoch:2d}: loss {loss_sum / len(train_loader):.4f} val accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
