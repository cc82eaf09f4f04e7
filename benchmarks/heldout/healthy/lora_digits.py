# healthy: a net trained on the digits 0-4 is frozen and adapted to 5-9 by low-rank adapters; most
# parameters have requires_grad off, one factor of each adapter starts at exactly zero, a new head
# is put in place
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class LoRALinear(nn.Module):
    def __init__(self, base, rank=4, alpha=8):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, base.in_features) / base.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))
        self.scale = alpha / rank

    def forward(self, x):
        return self.base(x) + self.scale * F.linear(F.linear(x, self.down), self.up)


class Net(nn.Module):
    def __init__(self, classes=5):
        super().__init__()
        self.fc1 = nn.Linear(64, 96)
        self.fc2 = nn.Linear(96, 96)
        self.head = nn.Linear(96, classes)

    def forward(self, x):
        return self.head(F.relu(self.fc2(F.relu(self.fc1(x)))))


@torch.no_grad()
def evaluate(model, x, y):
    model.eval()
    logits = model(x)
    return F.cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


def fit(model, data, epochs, lr):
    xt, xv, yt, yv = data
    loader = DataLoader(TensorDataset(xt, yt), batch_size=32, shuffle=True)
    params = [p for p in model.parameters() if p.requires_grad]
    opt = torch.optim.AdamW(params, lr=lr, weight_decay=0.01)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs, eta_min=lr / 20)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for x, y in loader:
            loss = F.cross_entropy(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(x)
        sched.step()
        v, acc = evaluate(model, xv, yv)
        print(f"  {epoch}: train {total / len(xt):.3f} val {v:.3f} acc {acc:.3f}")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    seed = ap.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32)
    y = torch.tensor(digits.target)
    low = y < 5
    mean, std = x[low].mean(), x[low].std()
    x = (x - mean) / std
    source = train_test_split(x[low], y[low], test_size=0.25, random_state=seed)
    new = train_test_split(x[~low], y[~low] - 5, test_size=0.25, random_state=seed)
    model = Net()
    print("first task")
    fit(model, source, 8, 1e-3)
    model.requires_grad_(False)
    model.fc1, model.fc2 = LoRALinear(model.fc1), LoRALinear(model.fc2)
    model.head = nn.Linear(96, 5)
    total = sum(p.numel() for p in model.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    print(f"second task: {trained} of {total} parameters are trained")
    fit(model, new, 15, 3e-3)


if __name__ == "__main__":
    main()
