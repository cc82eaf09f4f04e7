# expect: lr-too-high
# accept: huge-updates, loss-spikes, loss-diverges, saturated-activation, collapsed-prediction, exploding-gradient
# note: Adam with learning rate 0.5 on a small regression net; the loss jumps up at the start and
#   never gets near its floor
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
seed = parser.parse_args().seed
torch.manual_seed(seed)

data, target = load_diabetes(return_X_y=True, scaled=False)
data = torch.tensor(data, dtype=torch.float32)
target = torch.tensor(target, dtype=torch.float32).view(-1, 1)
perm = torch.randperm(len(data))
data, target = data[perm], target[perm]
n_train = 350
x_mean, x_std = data[:n_train].mean(0), data[:n_train].std(0)
y_mean, y_std = target[:n_train].mean(), target[:n_train].std()
data = (data - x_mean) / x_std
target = (target - y_mean) / y_std

learning_rate = 0.5
batch_size = 25
num_epochs = 25

model = nn.Sequential(
    nn.Linear(10, 32),
    nn.Tanh(),
    nn.Linear(32, 32),
    nn.Tanh(),
    nn.Linear(32, 1),
)
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=1e-3)  # fault

for epoch in range(num_epochs):
    order = torch.randperm(n_train)
    train_loss = 0.0
    for start in range(0, n_train, batch_size):
        idx = order[start : start + batch_size]
        prediction = model(data[idx])
        loss = criterion(prediction, target[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_loss += loss.item()
    train_loss /= n_train // batch_size
    with torch.no_grad():
        val_loss = criterion(model(data[n_train:]), target[n_train:]).item()
    print(f"Epoch [{epoch + 1}/{num_epochs}] train: {train_loss:.4f} val: {val_loss:.4f}")
