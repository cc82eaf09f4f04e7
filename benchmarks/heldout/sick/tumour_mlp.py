# expect: mismatched-normalisation
# accept: split-drift, unscaled-input
# note: the result of transforming the test rows is thrown away: train is standardised, test
#   is raw
import argparse

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def prepare(seed):
    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(X_train)
    X_train = scaler.transform(X_train)
    scaler.transform(X_test)  # fault

    def as_set(a, b):
        return TensorDataset(torch.tensor(a).float(), torch.tensor(b).float().unsqueeze(1))

    return as_set(X_train, y_train), as_set(X_test, y_test)  # fault


def train_epoch(model, loader, criterion, optimizer):
    model.train()
    for inputs, targets in loader:
        optimizer.zero_grad()
        criterion(model(inputs), targets).backward()
        optimizer.step()


def evaluate(model, loader, criterion):
    model.eval()
    loss = hits = n = 0
    with torch.no_grad():
        for inputs, targets in loader:
            logits = model(inputs)
            loss += criterion(logits, targets).item() * len(inputs)
            hits += ((logits > 0).float() == targets).sum().item()
            n += len(inputs)
    return loss / n, hits / n


def main():
    ap = argparse.ArgumentParser(description="benign or malignant")
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--epochs", type=int, default=15)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    train_set, test_set = prepare(args.seed)
    train_loader = DataLoader(train_set, batch_size=16, shuffle=True)
    test_loader = DataLoader(test_set, batch_size=64)
    model = nn.Sequential(nn.Linear(30, 24), nn.GELU(), nn.Dropout(0.2), nn.Linear(24, 1))
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for epoch in range(args.epochs):
        train_epoch(model, train_loader, criterion, optimizer)
        tr = evaluate(model, train_loader, criterion)
        te = evaluate(model, test_loader, criterion)
        print(f"{epoch:2d} train {tr[0]:.3f} {tr[1]:.3f} | test {te[0]:.3f} {te[1]:.3f}")


if __name__ == "__main__":
    main()
