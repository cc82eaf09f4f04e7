# expect: stale-optimizer
# accept: parameters-not-in-optimizer
# note: the k-fold loop builds a new net per fold but the optimizer still holds the net made
#   before the loop
import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--folds", type=int, default=4)
args = parser.parse_args()
torch.manual_seed(args.seed)
np.random.seed(args.seed)


def build_net():
    return nn.Sequential(
        nn.Linear(10, 24),
        nn.SELU(),
        nn.Linear(24, 12),
        nn.SELU(),
        nn.Linear(12, 1),
    )


features, target = load_diabetes(return_X_y=True)
features = StandardScaler().fit_transform(features).astype(np.float32)
target = ((target - target.mean()) / target.std()).astype(np.float32).reshape(-1, 1)

net = build_net()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3, weight_decay=1e-3)  # fault

scores = []
kfold = KFold(n_splits=args.folds, shuffle=True, random_state=args.seed)
for fold, (train_idx, val_idx) in enumerate(kfold.split(features)):
    net = build_net()  # fault
    train_set = TensorDataset(
        torch.from_numpy(features[train_idx]), torch.from_numpy(target[train_idx])
    )
    loader = DataLoader(train_set, batch_size=32, shuffle=True)
    x_val, y_val = torch.from_numpy(features[val_idx]), torch.from_numpy(target[val_idx])

    for epoch in range(12):
        net.train()
        train_loss = 0.0
        for xb, yb in loader:
            net.zero_grad()
            loss = criterion(net(xb), yb)
            loss.backward()
            optimizer.step()
            train_loss += loss.item() * len(xb)
        net.eval()
        with torch.no_grad():
            val_loss = criterion(net(x_val), y_val).item()
        if epoch % 4 == 3:
            print(f"fold {fold} epoch {epoch + 1}: train {train_loss / len(train_set):.3f} "
                  f"val {val_loss:.3f}")
    scores.append(val_loss)

print(f"mean val MSE over folds: {np.mean(scores):.3f} +- {np.std(scores):.3f}")
