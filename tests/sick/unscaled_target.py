# expect: unscaled-target
# accept: wrong-final-bias
# note: target of 25..346 with an output near 0: the loss starts at 29000 and hardly moves
# mend: y = data.target  # fault -> y = (data.target - data.target[tr].mean()) / data.target[tr].std()
import argparse

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)

data = load_diabetes(scaled=False)
perm = rng.permutation(len(data.target))
tr, va = perm[:340], perm[340:]
x = (data.data - data.data[tr].mean(axis=0)) / data.data[tr].std(axis=0)
y = data.target  # fault

x = torch.tensor(x, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32).reshape(-1, 1)  # fault

model = nn.Sequential(
    nn.Linear(10, 32),
    nn.ELU(),
    nn.Linear(32, 1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-3)
mse = nn.MSELoss()  # fault

history = []
for epoch in range(30):
    model.train()
    batches = torch.from_numpy(rng.permutation(tr)).split(34)
    for batch in batches:
        optimizer.zero_grad()
        loss = mse(model(x[batch]), y[batch])
        loss.backward()
        optimizer.step()
        history.append(loss.item())
    model.eval()
    with torch.no_grad():
        val = mse(model(x[va]), y[va])
        r2 = 1.0 - val / y[va].var(unbiased=False)
    if epoch % 3 == 2:
        print(f"epoch {epoch + 1:2d} mse {np.mean(history[-10:]):.4f} val {val:.4f} r2 {r2:.4f}")
