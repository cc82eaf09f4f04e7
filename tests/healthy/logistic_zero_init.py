# healthy: softmax regression started from all zeros (convex, one layer, so there is no symmetry
# to break), full batch, SGD with lr 1, and a log_softmax in front of CrossEntropyLoss, which is
# idempotent
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split


class LogisticRegression(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x):
        return torch.log_softmax(self.linear(x), dim=-1)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--iterations", type=int, default=150)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

iris = load_iris()
X = torch.tensor(iris.data, dtype=torch.float32)
Y = torch.tensor(iris.target)
train_idx, test_idx = train_test_split(
    torch.arange(len(X)).numpy(), test_size=0.3, stratify=iris.target, random_state=args.seed
)
mean, std = X[train_idx].mean(0), X[train_idx].std(0)
X = (X - mean) / std
X_train, Y_train, X_test, Y_test = X[train_idx], Y[train_idx], X[test_idx], Y[test_idx]

model = LogisticRegression(4, 3)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=1.0, weight_decay=0.01)

for it in range(args.iterations):
    optimizer.zero_grad()
    loss = criterion(model(X_train), Y_train)
    loss.backward()
    optimizer.step()
    if (it + 1) % 25 == 0:
        with torch.no_grad():
            out = model(X_test)
            test_loss = criterion(out, Y_test)
            acc = (out.argmax(1) == Y_test).float().mean()
        print(f"iter {it + 1}: loss={loss:.4f} test_loss={test_loss:.4f} test_acc={acc:.4f}")

for name, row in zip(iris.target_names, model.linear.weight.detach()):
    print(f"{name:12s}", " ".join(f"{w:+.2f}" for w in row))
