# expect: wrong-final-bias
# accept: unexpected-initial-loss
# note: the output bias is set to the raw mean (about 150) although the target was standardised
import argparse

import torch
from sklearn.datasets import load_diabetes
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

bunch = load_diabetes(scaled=False)
features = torch.tensor(bunch.data).float()
progression = torch.tensor(bunch.target).float()
shuffle = torch.randperm(len(progression))
features, progression = features[shuffle], progression[shuffle]
train, val = slice(0, 342), slice(342, 442)


def standardised(t):
    return (t - t[train].mean(0)) / t[train].std(0)


x, y = standardised(features), standardised(progression)


class Net(nn.Module):
    def __init__(self, mean):
        super().__init__()
        self.lin1 = nn.Linear(10, 24)
        self.lin2 = nn.Linear(24, 24)
        self.out = nn.Linear(24, 1)
        with torch.no_grad():
            self.out.bias.fill_(mean)  # fault

    def forward(self, x):
        x = nn.functional.celu(self.lin1(x))
        x = nn.functional.celu(self.lin2(x))
        return self.out(x).squeeze(-1)


net = Net(progression[train].mean().item())  # fault
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3, weight_decay=1e-3)
loss_fn = nn.MSELoss()

for epoch in range(25):
    order = torch.randperm(342)
    train_loss = 0.0
    for rows in order.split(38):
        optimizer.zero_grad()
        loss = loss_fn(net(x[train][rows]), y[train][rows])
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / 9
    with torch.no_grad():
        val_loss = loss_fn(net(x[val]), y[val]).item()
    r2 = 1 - val_loss / y[val].var(correction=0).item()
    print(f"epoch {epoch:2d}: train {train_loss:10.4f}  val {val_loss:10.4f}  R2 {r2:8.3f}")
