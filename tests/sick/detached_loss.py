# expect: detached-loss
# note: the two task losses are turned into numbers and wrapped in a fresh tensor, so backward
#       reaches no weight; everything runs and nothing is learned
# mend: classify(digit_logits, y).item() -> classify(digit_logits, y)
# mend: regress(ink_pred, ink).item() -> regress(ink_pred, ink)
# mend: torch.tensor(total, requires_grad=True) -> total
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class TwoHeads(nn.Module):
    """Shared trunk; one head tells the digit, the other the amount of ink."""

    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
        self.digit = nn.Linear(32, 10)
        self.ink = nn.Linear(32, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.digit(h), self.ink(h).squeeze(-1)


def prepare(seed):
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32) / 16
    ink = x.mean(dim=1)
    ink = (ink - ink.mean()) / ink.std()
    x = (x - x.mean()) / x.std()
    y = torch.tensor(digits.target)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    a, b = order[:1440], order[1440:]
    return TensorDataset(x[a], y[a], ink[a]), TensorDataset(x[b], y[b], ink[b])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ink-weight", type=float, default=0.5)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    train_set, val_set = prepare(args.seed)
    train_loader = DataLoader(train_set, batch_size=60, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=60)
    model = TwoHeads()
    classify, regress = nn.CrossEntropyLoss(), nn.SmoothL1Loss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    for epoch in range(10):
        model.train()
        log = 0.0
        for x, y, ink in train_loader:
            digit_logits, ink_pred = model(x)
            digit_loss = classify(digit_logits, y).item()
            ink_loss = regress(ink_pred, ink).item()
            total = digit_loss + args.ink_weight * ink_loss
            loss = torch.tensor(total, requires_grad=True)  # fault
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            log += loss.item() / len(train_loader)
        model.eval()
        correct, n = 0, 0
        with torch.no_grad():
            for x, y, _ in val_loader:
                correct += (model(x)[0].argmax(1) == y).sum().item()
                n += len(y)
        print(f"epoch {epoch}  loss {log:.4f}  digit accuracy {correct / n:.3f}")


if __name__ == "__main__":
    main()
