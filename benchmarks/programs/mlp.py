"""Multilayer perceptron on 8x8 digits: many short steps, the hardest case for whatever watches."""

import argparse
import json
import time

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--size", choices=["small", "full"], default="full")
parser.add_argument("--warm-up", type=int, default=50)
args = parser.parse_args()
steps = {"small": 1500, "full": 6000}[args.size]

torch.manual_seed(0)
torch.set_num_threads(1)
digits = load_digits()
inputs = torch.tensor(digits.data, dtype=torch.float32) / 16
loader = DataLoader(TensorDataset(inputs, torch.tensor(digits.target)), batch_size=64, shuffle=True, drop_last=True)

model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

times = []
while len(times) < steps:
    for x, y in loader:
        times.append(time.process_time())
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

seconds = [after - before for before, after in zip(times[args.warm_up :], times[args.warm_up + 1 :])]
print(json.dumps({"step_seconds": seconds, "loss": loss.item()}))
