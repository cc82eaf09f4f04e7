# expect: non-finite-input
# accept: loss-not-finite
# note: two fields of the table are missing and read as NaN; the first batch with one of them makes the
#   loss and all weights NaN
import argparse
import csv
import io

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn


def as_csv():
    """The table as the laboratory exports it; a lost measurement is an empty field."""
    wine = load_wine()
    rows = [[f"{v:.4f}" for v in row] + [str(t)] for row, t in zip(wine.data, wine.target)]
    rows[37][4] = ""
    rows[120][9] = ""
    out = io.StringIO()
    csv.writer(out).writerows([[*wine.feature_names, "cultivar"], *rows])
    return out.getvalue()


def read_table(text):
    reader = csv.reader(io.StringIO(text))
    next(reader)
    rows = [[float(v) if v else float("nan") for v in row] for row in reader]  # fault
    table = np.array(rows, dtype=np.float32)
    return table[:, :-1], table[:, -1].astype(np.int64)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

x, y = read_table(as_csv())
rows, held_out = train_test_split(np.arange(len(y)), test_size=0.25, stratify=y, random_state=1)
mean, std = np.nanmean(x[rows], axis=0), np.nanstd(x[rows], axis=0)
x = torch.from_numpy((x - mean) / std)  # fault
y = torch.from_numpy(y)
x_train, y_train, x_test, y_test = x[rows], y[rows], x[held_out], y[held_out]

model = nn.Sequential(nn.Linear(13, 20), nn.Tanh(), nn.Linear(20, 3), nn.LogSoftmax(dim=1))
loss_fn = nn.NLLLoss()
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
for epoch in range(30):
    model.train()
    running = 0.0
    for batch in torch.randperm(len(x_train)).split(16):
        optimizer.zero_grad()
        loss = loss_fn(model(x_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(batch)
    model.eval()
    with torch.no_grad():
        log_p = model(x_test)
        accuracy = (log_p.argmax(1) == y_test).float().mean().item()
    print(f"epoch {epoch} loss {running / len(x_train):.4f} test accuracy {accuracy:.3f}")
