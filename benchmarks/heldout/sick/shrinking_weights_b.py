# expect: regularisation-dominates
# accept: shrinking-weights, collapsed-prediction, oversized-regularisation, underfitting
# note: a penalty of 2 times the sum of squared weights is added to the loss; it outweighs the data,
#   the weights shrink to nothing and the prediction becomes the mean
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--l2", type=float, default=2.0)  # fault
parser.add_argument("--epochs", type=int, default=20)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

x, y = load_diabetes(return_X_y=True)
order = torch.randperm(len(y), generator=torch.Generator().manual_seed(6)).numpy()
train_rows, val_rows = order[:330], order[330:]
x_scaler = StandardScaler().fit(x[train_rows])
y_scaler = StandardScaler().fit(y[train_rows, None])
x = torch.tensor(x_scaler.transform(x), dtype=torch.float32)
y = torch.tensor(y_scaler.transform(y[:, None])[:, 0], dtype=torch.float32)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(10, 24)
        self.b = nn.Linear(24, 1)

    def forward(self, inputs):
        return self.b(torch.relu(self.a(inputs))).flatten()


def penalty(module):
    return sum(p.square().sum() for name, p in module.named_parameters() if "weight" in name)


model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
for epoch in range(args.epochs):
    model.train()
    fit = 0.0
    for rows in torch.as_tensor(train_rows)[torch.randperm(330)].split(30):
        error = F.mse_loss(model(x[rows]), y[rows])
        loss = error + args.l2 * penalty(model)  # fault
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        fit += error.item() * len(rows)
    model.eval()
    with torch.no_grad():
        val = F.mse_loss(model(x[val_rows]), y[val_rows]).item()
        size = penalty(model).sqrt().item()
    print(f"epoch {epoch:2d} train {fit / 330:.4f} val {val:.4f} weight norm {size:.4f}")
