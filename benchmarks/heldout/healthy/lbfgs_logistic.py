# healthy: logistic regression from zero weights with LBFGS, strong-Wolfe line search and an L2
# penalty; after a few steps nothing changes any more because the optimum is reached
import argparse

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--l2", type=float, default=0.01)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

data = load_breast_cancer()
x_train, x_test, y_train, y_test = (
    torch.tensor(part, dtype=torch.float64)
    for part in train_test_split(
        data.data, data.target, test_size=0.3, stratify=data.target, random_state=args.seed
    )
)
mean, std = x_train.mean(0), x_train.std(0)
x_train, x_test = (x_train - mean) / std, (x_test - mean) / std

w = torch.zeros(x_train.size(1), dtype=torch.float64, requires_grad=True)
b = torch.zeros((), dtype=torch.float64, requires_grad=True)
bce = torch.nn.BCEWithLogitsLoss()
optimizer = torch.optim.LBFGS([w, b], lr=1, max_iter=4, line_search_fn="strong_wolfe")


def closure():
    optimizer.zero_grad()
    objective = bce(x_train @ w + b, y_train) + args.l2 * w.square().sum()
    objective.backward()
    return objective


for i in range(12):
    objective = optimizer.step(closure)
    with torch.no_grad():
        logits = x_test @ w + b
    accuracy = ((logits > 0) == y_test.bool()).double().mean().item()
    print(f"step {i:2d} objective {objective.item():.6f} test loss "
          f"{bce(logits, y_test).item():.4f} test accuracy {accuracy:.4f}")

strongest = w.abs().argsort(descending=True)[:5]
for k in strongest.tolist():
    print(f"{data.feature_names[k]:>25} {w[k].item():+.3f}")
