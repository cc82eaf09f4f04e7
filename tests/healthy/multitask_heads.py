# healthy: shared trunk with two heads and two losses of different kinds, summed with fixed
# weights; a third, auxiliary head stays unused because its task is switched off on the command
# line
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class MultiTaskNet(nn.Module):
    def __init__(self, hidden=96):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.heads = nn.ModuleDict({
            "digit": nn.Linear(hidden, 10),
            "mirror": nn.Linear(hidden, 1),
            "rotation": nn.Linear(hidden, 4),
        })

    def forward(self, x, tasks):
        features = self.trunk(x)
        return {task: self.heads[task](features) for task in tasks}


def compute_losses(outputs, digit, mirror, weights):
    losses = {}
    if "digit" in outputs:
        losses["digit"] = weights["digit"] * F.cross_entropy(outputs["digit"], digit)
    if "mirror" in outputs:
        losses["mirror"] = weights["mirror"] * F.mse_loss(outputs["mirror"].squeeze(1), mirror)
    return losses


def load(seed):
    digits = load_digits()
    x = torch.tensor(digits.data / 16, dtype=torch.float32)
    digit = torch.tensor(digits.target)
    # second task: how far the drawing is from its own mirror image
    images = x.view(-1, 8, 8)
    mirror = (images - images.flip(2)).abs().mean((1, 2))
    train, val = train_test_split(range(len(x)), test_size=360, random_state=seed)
    mirror = (mirror - mirror[train].mean()) / mirror[train].std()
    return [TensorDataset(x[i], digit[i], mirror[i]) for i in (train, val)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tasks", nargs="+", default=["digit", "mirror"])
    parser.add_argument("--epochs", type=int, default=15)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    train_set, val_set = load(args.seed)
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=180)
    model = MultiTaskNet()
    weights = {"digit": 1.0, "mirror": 0.5}
    optimizer = torch.optim.NAdam(model.parameters(), lr=1e-3)

    for epoch in range(1, args.epochs + 1):
        model.train()
        sums = dict.fromkeys(args.tasks, 0.0)
        for x, digit, mirror in train_loader:
            losses = compute_losses(model(x, args.tasks), digit, mirror, weights)
            optimizer.zero_grad()
            sum(losses.values()).backward()
            optimizer.step()
            for task, value in losses.items():
                sums[task] += value.item() * len(x)

        model.eval()
        hits, sq_err = 0, 0.0
        with torch.no_grad():
            for x, digit, mirror in val_loader:
                out = model(x, args.tasks)
                hits += (out["digit"].argmax(1) == digit).sum().item()
                sq_err += F.mse_loss(out["mirror"].squeeze(1), mirror, reduction="sum").item()
        train_text = " ".join(f"{t} {s / len(train_set):.4f}" for t, s in sums.items())
        print(f"{epoch:2d} train: {train_text} | val: digit acc {hits / len(val_set):.3f} "
              f"mirror R2 {1 - sq_err / len(val_set):.3f}")


if __name__ == "__main__":
    main()
