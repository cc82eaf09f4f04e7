# expect: overfitting
# accept: too-few-samples
# location: none
# note: a wide net on 240 patients without any regularisation and for far too long; the validation
#   error is lowest in the first epochs and nearly doubles while the training error goes to zero
# mend: default=60 -> default=10
import argparse

import torch
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def load(n_train=240):
    x, y = load_diabetes(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(x, y, train_size=n_train, random_state=2)
    sx, sy = StandardScaler().fit(x_train), StandardScaler().fit(y_train.reshape(-1, 1))

    def pack(a, b):
        a, b = sx.transform(a), sy.transform(b.reshape(-1, 1))
        return TensorDataset(torch.from_numpy(a).float(), torch.from_numpy(b).float())

    return pack(x_train, y_train), pack(x_val, y_val)


def epoch_loss(model, loader, criterion, optimizer=None):
    model.train(optimizer is not None)
    total = 0.0
    with torch.set_grad_enabled(optimizer is not None):
        for x, y in loader:
            loss = criterion(model(x), y)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(x)
    return total / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--width", type=int, default=256)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    train_set, val_set = load()
    train_loader = DataLoader(train_set, batch_size=24, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=202)
    model = nn.Sequential(
        nn.Linear(10, args.width),
        nn.ReLU(),
        nn.Linear(args.width, args.width),
        nn.ReLU(),
        nn.Linear(args.width, 1),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.MSELoss()
    for epoch in range(args.epochs):
        train = epoch_loss(model, train_loader, criterion, optimizer)
        val = epoch_loss(model, val_loader, criterion)
        print(f"epoch {epoch:3d} train {train:.4f} val {val:.4f}")


if __name__ == "__main__":
    main()
