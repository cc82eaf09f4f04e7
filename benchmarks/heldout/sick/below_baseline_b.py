# expect: below-baseline
# accept: split-drift
# note: the columns of the test table come in another order than those the net was trained on
import argparse

import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)


def used_cars(n):
    power = rng.gamma(8.0, 12.0, n)
    weight = 900 + 5 * power + rng.normal(0, 150, n)
    age = rng.uniform(0, 15, n)
    mileage = age * rng.gamma(6.0, 2.0, n)
    owners = 1 + rng.poisson(age / 6)
    serviced = rng.uniform(0, 1, n)
    price = 7 + 0.012 * power + 0.0004 * weight - 0.1 * age - 0.004 * mileage
    price += 0.4 * serviced - 0.05 * owners + rng.normal(0, 0.15, n)
    return {
        "power": power,
        "weight": weight,
        "age": age,
        "mileage": mileage,
        "owners": owners,
        "serviced": serviced,
        "price": price,
    }


def zscore(column, reference):
    return (column - reference.mean()) / reference.std()


def to_tensor(columns):
    return torch.tensor(np.stack(columns, axis=1), dtype=torch.float32)


n_train = 1200
table = used_cars(1600)
scaled = {name: zscore(column, column[:n_train]) for name, column in table.items()}
train = {name: column[:n_train] for name, column in scaled.items()}
test = {name: column[n_train:] for name, column in sorted(scaled.items())}  # fault

x_train = to_tensor([column for name, column in train.items() if name != "price"])
x_test = to_tensor([column for name, column in test.items() if name != "price"])
y_train = to_tensor([train["price"]])
y_test = to_tensor([test["price"]])

model = nn.Sequential(nn.Linear(6, 20), nn.Mish(), nn.Linear(20, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-4)

for epoch in range(12):
    total = 0.0
    for batch in torch.randperm(n_train).split(40):
        loss = nn.functional.mse_loss(model(x_train[batch]), y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch) / n_train
    with torch.no_grad():
        test_mse = nn.functional.mse_loss(model(x_test), y_test)
    r2 = 1 - test_mse / y_test.var(unbiased=False)
    print(f"epoch {epoch:2d} train mse {total:.3f} test mse {test_mse:.3f} test R2 {r2:.3f}")
