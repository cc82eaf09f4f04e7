# healthy: OneCycleLR with cycled momentum over three thousand small batches of a noisy regression
import argparse

import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=70)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    features, target = load_diabetes(return_X_y=True)
    x = torch.tensor(features, dtype=torch.float32)
    y = torch.tensor(target, dtype=torch.float32)
    split = random_split(range(len(y)), [352, 90], generator=torch.Generator().manual_seed(0))
    rows, held = (torch.tensor(list(part)) for part in split)
    x = (x - x[rows].mean(0)) / x[rows].std(0)
    y = (y - y[rows].mean()) / y[rows].std()
    loader = DataLoader(TensorDataset(x[rows], y[rows]), batch_size=8, shuffle=True)
    model = nn.Sequential(nn.Linear(10, 24), nn.SiLU(), nn.Linear(24, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-2)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.02, epochs=args.epochs, steps_per_epoch=len(loader), cycle_momentum=True
    )
    criterion = nn.MSELoss()
    for epoch in range(1, args.epochs + 1):
        model.train()
        for inputs, wanted in loader:
            loss = criterion(model(inputs).squeeze(1), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
        if epoch % 10 == 0:
            model.eval()
            with torch.no_grad():
                train = criterion(model(x[rows]).squeeze(1), y[rows]).item()
                val = criterion(model(x[held]).squeeze(1), y[held]).item()
            print(f"epoch {epoch} train {train:.4f} val {val:.4f} lr {scheduler.get_last_lr()[0]:.5f}")


if __name__ == "__main__":
    main()
