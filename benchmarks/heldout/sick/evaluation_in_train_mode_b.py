# expect: evaluation-in-train-mode
# note: F.dropout is called without training=self.training and stays active in evaluation, although
#       model.eval() is called; two evaluations of the same weights differ
import argparse
import random

import torch
import torch.nn.functional as F
from torch import nn

DIGITS = "0123456789+"
LENGTH = 5


class SumNet(nn.Module):
    def __init__(self, dim=16, hidden=128):
        super().__init__()
        self.embed = nn.Embedding(len(DIGITS), dim)
        self.fc1 = nn.Linear(LENGTH * dim, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, 10)

    def forward(self, x):
        x = self.embed(x).flatten(1)
        x = F.dropout(F.relu(self.fc1(x)), 0.3)  # fault
        x = F.dropout(F.relu(self.fc2(x)), 0.3)  # fault
        return self.fc3(x)


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        logits = model(x)
    return F.cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    table = [(a, b) for a in range(50) for b in range(50)]  # class: the tens digit of a + b
    rng.shuffle(table)
    x = torch.tensor([[DIGITS.index(c) for c in f"{a:02d}+{b:02d}"] for a, b in table])
    y = torch.tensor([(a + b) // 10 for a, b in table])
    x_train, y_train, x_val, y_val = x[:2000], y[:2000], x[2000:], y[2000:]

    model = SumNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for idx in torch.randperm(2000).split(80):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
            loss.backward()
            optimizer.step()
            total += loss.item() / 25
        val_loss, val_acc = evaluate(model, x_val, y_val)
        print(f"epoch {epoch:2d} | {total:.4f} | {val_loss:.4f} | {val_acc:.4f}")


if __name__ == "__main__":
    main()
