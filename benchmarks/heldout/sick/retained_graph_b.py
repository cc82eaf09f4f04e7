# expect: retained-graph
# note: every batch's predictions are put in a list with their graphs, for a score at the end; the
#   memory grows with each step
import argparse

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn

parser = argparse.ArgumentParser(description="disease progression")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=30)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

x, y = load_diabetes(return_X_y=True)
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=110, random_state=8)
scale_x = StandardScaler().fit(x_train)
scale_y = StandardScaler().fit(y_train[:, None])
x_train = torch.from_numpy(scale_x.transform(x_train)).float()
x_val = torch.from_numpy(scale_x.transform(x_val)).float()
y_train = torch.from_numpy(scale_y.transform(y_train[:, None])).float()
y_val = torch.from_numpy(scale_y.transform(y_val[:, None])).float()

net = nn.Sequential(nn.Linear(10, 64), nn.SiLU(), nn.Dropout(0.3), nn.Linear(64, 1))
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.1)
huber = nn.SmoothL1Loss()
outputs, targets = [], []

for epoch in range(args.epochs):
    net.train()
    losses = []
    for rows in torch.randperm(len(x_train)).split(24):
        prediction = net(x_train[rows])
        loss = huber(prediction, y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        outputs.append(prediction)  # fault
        targets.append(y_train[rows])
    net.eval()
    with torch.no_grad():
        val_pred = net(x_val)
        val = huber(val_pred, y_val).item()
    r2 = r2_score(y_val.numpy(), val_pred.numpy())
    print(f"epoch {epoch + 1} train {np.mean(losses):.4f} val {val:.4f} r2 {r2:.3f}")

last = len(x_train) // 24 + 1
fitted = torch.cat(outputs[-last:]).detach().numpy()
print(f"r2 on the last training epoch {r2_score(torch.cat(targets[-last:]).numpy(), fitted):.3f}")
print(f"first epoch {r2_score(torch.cat(targets[:last]), torch.cat(outputs[:last]).detach()):.3f}")
