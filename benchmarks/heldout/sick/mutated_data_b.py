# expect: mutated-data
# accept: target-in-input
# note: the batch is a view of the data, hiding pixels in it erases them for good, targets included
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn

parser = argparse.ArgumentParser(description="fill in missing pixels of scanned digits")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=15)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)


def scans():
    data = torch.tensor(load_digits().data, dtype=torch.float32)
    data = data[torch.randperm(len(data))]
    return (data - data.mean()) / data.std()


def hide(batch, share=0.3):
    missing = torch.rand(batch.shape) < share
    batch[missing] = 0.0  # fault
    return batch


val, data = scans().split([297, 1500])
val_input = hide(val.clone())

net = nn.Sequential(
    nn.Linear(64, 96),
    nn.ReLU(),
    nn.Linear(96, 32),
    nn.ReLU(),
    nn.Linear(32, 96),
    nn.ReLU(),
    nn.Linear(96, 64),
)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
loss_fn = nn.MSELoss()

for epoch in range(args.epochs):
    net.train()
    total = 0.0
    for k in torch.randperm(len(data) // 50).tolist():
        batch = data[50 * k : 50 * (k + 1)]
        output = net(hide(batch))  # fault
        loss = loss_fn(output, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / 30
    net.eval()
    with torch.no_grad():
        val_loss = loss_fn(net(val_input), val).item()
    print(f"epoch {epoch:2d} train {total:.4f} val {val_loss:.4f}")
