# expect: always-clipped
# accept: lr-too-low, tiny-updates
# note: max_norm is 1e-3, a thousand times below the usual gradient norm, so every step of SGD is
#       cut down to almost nothing and the loss barely moves
# mend: "max_grad_norm": 1e-3 -> "max_grad_norm": 1.0
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn.utils import clip_grad_norm_

CONFIG = {
    "lr": 0.1,
    "momentum": 0.0,
    "batch_size": 64,
    "epochs": 20,
    "max_grad_norm": 1e-3,
}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Linear(64, 64)
        self.mid = nn.Linear(64, 64)
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        h = F.relu(self.inp(x))
        h = h + F.relu(self.mid(h))
        return self.out(h)


def train_epoch(model, optimizer, x, y, cfg):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x)).split(cfg["batch_size"]):
        loss = F.cross_entropy(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(model.parameters(), max_norm=cfg["max_grad_norm"])  # fault
        optimizer.step()
        total += loss.item() * len(idx)
    return total / len(x)


@torch.no_grad()
def evaluate(model, x, y):
    model.eval()
    logits = model(x)
    return F.cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x, y = load_digits(return_X_y=True)
    x_tr, x_va, y_tr, y_va = train_test_split(x, y, test_size=300, random_state=args.seed)
    mean, std = x_tr.mean(), x_tr.std()
    x_tr = torch.tensor((x_tr - mean) / std, dtype=torch.float32)
    x_va = torch.tensor((x_va - mean) / std, dtype=torch.float32)
    y_tr, y_va = torch.tensor(y_tr), torch.tensor(y_va)

    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=CONFIG["lr"], momentum=CONFIG["momentum"])
    for epoch in range(CONFIG["epochs"]):
        train_loss = train_epoch(model, optimizer, x_tr, y_tr, CONFIG)
        val_loss, val_acc = evaluate(model, x_va, y_va)
        print(f"{epoch:02d}  train {train_loss:.4f}  val {val_loss:.4f}  acc {val_acc:.3f}")


if __name__ == "__main__":
    main()
