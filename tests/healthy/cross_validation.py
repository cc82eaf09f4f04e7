# healthy: five-fold cross-validation: five fresh models and optimizers one after another in one
# process, every sample is training data in four folds and validation data in one
import argparse

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold
from torch import nn
from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset


def reset_weights(m):
    if hasattr(m, "reset_parameters"):
        m.reset_parameters()


def make_model():
    return nn.Sequential(
        nn.Linear(13, 32), nn.Hardswish(), nn.Linear(32, 16), nn.Hardswish(), nn.Linear(16, 3)
    )


def train_fold(X, y, train_ids, val_ids, generator, epochs=15):
    mean, std = X[train_ids].mean(0), X[train_ids].std(0)
    dataset = TensorDataset((X - mean) / std, y)
    sampler = SubsetRandomSampler(train_ids, generator=generator)
    trainloader = DataLoader(dataset, batch_size=16, sampler=sampler)
    valloader = DataLoader(torch.utils.data.Subset(dataset, val_ids), batch_size=64)

    network = make_model()
    network.apply(reset_weights)
    loss_function = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3, weight_decay=1e-3)
    for _ in range(epochs):
        current_loss = 0.0
        for inputs, targets in trainloader:
            optimizer.zero_grad()
            loss = loss_function(network(inputs), targets)
            loss.backward()
            optimizer.step()
            current_loss += loss.item() * len(targets)

    correct, val_loss = 0, 0.0
    with torch.no_grad():
        for inputs, targets in valloader:
            outputs = network(inputs)
            val_loss += loss_function(outputs, targets).item() * len(targets)
            correct += (outputs.argmax(1) == targets).sum().item()
    return current_loss / len(train_ids), val_loss / len(val_ids), correct / len(val_ids)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--k-folds", type=int, default=5)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(args.seed)

    wine = load_wine()
    X, y = torch.tensor(wine.data, dtype=torch.float32), torch.tensor(wine.target)
    kfold = StratifiedKFold(n_splits=args.k_folds, shuffle=True, random_state=args.seed)
    results = []
    for fold, (train_ids, val_ids) in enumerate(kfold.split(X, y)):
        train_loss, val_loss, acc = train_fold(X, y, train_ids, val_ids, generator)
        print(f"FOLD {fold}: train loss {train_loss:.4f} val loss {val_loss:.4f} acc {acc:.4f}")
        results.append(acc)
    print(f"accuracy {np.mean(results):.4f} +- {np.std(results):.4f}")


if __name__ == "__main__":
    main()
