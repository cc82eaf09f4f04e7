# expect: mismatched-normalisation
# accept: split-drift
# note: mean and deviation are swapped in the call for the validation rows
import argparse

import numpy as np
import torch
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
opt = ap.parse_args()
torch.manual_seed(opt.seed)
rng = np.random.default_rng(opt.seed)


def houses(n):
    area = rng.gamma(9.0, 12.0, n)
    rooms = np.clip(np.round(area / 28 + rng.normal(0, 0.8, n)), 1, 8)
    age = rng.uniform(0, 80, n)
    distance = rng.gamma(2.0, 4.0, n)
    noise = rng.normal(0, 0.15, n)
    value = 0.012 * area + 0.1 * rooms - 0.008 * age - 0.5 * np.log1p(distance) + noise
    return np.column_stack([area, rooms, age, distance]), value


def standardise(table, mean, std):
    return torch.tensor((table - mean) / std, dtype=torch.float32)


def statistics(table):
    return table.mean(axis=0), table.std(axis=0)


train_table, train_value = houses(1500)
val_table, val_value = houses(400)
mean, std = statistics(train_table)
x_train = standardise(train_table, mean, std)
x_val = standardise(val_table, std, mean)  # fault
centre, spread = train_value.mean(), train_value.std()
y_train = standardise(train_value, centre, spread).unsqueeze(1)
y_val = standardise(val_value, centre, spread).unsqueeze(1)

model = nn.Sequential(nn.Linear(4, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 1))
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
criterion = nn.HuberLoss()

for epoch in range(12):
    perm = torch.randperm(len(x_train))
    train_loss = 0.0
    for batch in perm.chunk(40):
        optimizer.zero_grad()
        loss = criterion(model(x_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(batch) / len(perm)
    with torch.no_grad():
        prediction = model(x_val)
    error = ((prediction - y_val) ** 2).mean()
    r2 = 1 - error / y_val.var()
    val_loss = criterion(prediction, y_val)
    print(f"epoch {epoch:2d} train {train_loss:.4f} val {val_loss:.4f} R2 {r2:.3f}")
