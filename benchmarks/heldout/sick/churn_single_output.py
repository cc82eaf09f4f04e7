# expect: mismatched-loss
# accept: zero-gradient, wrong-output-activation
# note: CrossEntropyLoss with a single output: softmax over one unit is always 1, the loss is
#   0 and nothing is learned
import argparse

import numpy as np
import torch
import torch.nn as nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
seed = parser.parse_args().seed
torch.manual_seed(seed)
np.random.seed(seed)
torch.set_num_threads(1)

# %% data: who cancels the subscription
N = 1500
months = np.random.gamma(2.0, 10.0, N)
calls = np.random.poisson(2.0, N)
price = np.random.normal(30, 8, N)
plan = np.random.randint(0, 3, N)
z = -0.06 * months + 0.7 * calls + 0.08 * (price - 30) + 0.8 * (plan == 0) - 0.5
churn = (np.random.rand(N) < 1 / (1 + np.exp(-2 * z))).astype(np.float32)
features = np.column_stack([months, calls, price, np.eye(3)[plan]])
features = (features - features.mean(0)) / features.std(0)
X = torch.tensor(features, dtype=torch.float32)
Y = torch.tensor(churn).unsqueeze(1)
Xtr, Ytr, Xva, Yva = X[:1200], Y[:1200], X[1200:], Y[1200:]


# %% model
class ChurnNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(6, 32)
        self.l2 = nn.Linear(32, 16)
        self.l3 = nn.Linear(16, 1)  # fault

    def forward(self, x):
        x = torch.relu(self.l1(x))
        x = torch.relu(self.l2(x))
        return self.l3(x)


model = ChurnNet()
loss_func = nn.CrossEntropyLoss()  # fault
opt = torch.optim.Adam(model.parameters(), lr=3e-3)

# %% training
for epoch in range(10):
    perm = np.random.permutation(len(Xtr))
    tot = 0.0
    for k in range(0, len(perm), 40):
        sel = perm[k : k + 40]
        out = model(Xtr[sel])
        loss = loss_func(out, Ytr[sel])  # fault
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item()
    with torch.no_grad():
        acc = ((model(Xva) > 0).float() == Yva).float().mean().item()
    print(f"epoch {epoch}  loss {tot / 30:.5f}  val acc {acc:.3f}")
