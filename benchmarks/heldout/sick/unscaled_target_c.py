# expect: unscaled-target
# note: the target is a price of some 300 000, never scaled; the output starts at 0 and never gets
#   there
import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
np.random.seed(args.seed)
torch.manual_seed(args.seed)

n = 2000
area = np.random.gamma(6, 20, n)
rooms = np.clip(np.round(area / 30 + np.random.randn(n)), 1, 9)
age = np.random.uniform(0, 80, n)
distance = np.random.exponential(8, n)
school = np.random.uniform(1, 10, n)
price = (
    2100 * area + 9000 * rooms - 900 * age + 7000 * school
    + 90000 * np.exp(-distance / 6) + 15000 * np.random.randn(n)
)

X = np.column_stack([area, rooms, age, distance, school])
X_train, X_test, y_train, y_test = train_test_split(X, price, test_size=0.2, random_state=1)
scaler = StandardScaler()
X_train = torch.tensor(scaler.fit_transform(X_train), dtype=torch.float32)
X_test = torch.tensor(scaler.transform(X_test), dtype=torch.float32)
y_train = torch.tensor(y_train, dtype=torch.float32).reshape(-1, 1)  # fault
y_test = torch.tensor(y_test, dtype=torch.float32).reshape(-1, 1)

model = nn.Sequential(
    nn.Linear(5, 64),
    nn.ReLU(),
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Linear(64, 1),
)
loss_fn = nn.MSELoss()  # fault
optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

batch_size = 50
for epoch in range(15):
    model.train()
    perm = torch.randperm(len(X_train))
    for start in range(0, len(X_train), batch_size):
        idx = perm[start : start + batch_size]
        y_pred = model(X_train[idx])
        loss = loss_fn(y_pred, y_train[idx])  # fault
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        y_pred = model(X_test)
        test_loss = loss_fn(y_pred, y_test).item()
    print(f"epoch {epoch}: train batch loss {loss.item():.4g}, test loss {test_loss:.4g}, "
          f"MAE {mean_absolute_error(y_test, y_pred):.4g}, R2 {r2_score(y_test, y_pred):.3f}")
