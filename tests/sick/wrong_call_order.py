# expect: wrong-call-order
# note: zero_grad is called between backward and step, so step sees no gradients and the model stays
#       as it was initialised
# mend: loss.backward()\n        optimizer.zero_grad()  # fault -> optimizer.zero_grad()\n        loss.backward()
import argparse

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def loaders(seed):
    data = load_wine()
    train_x, test_x, train_y, test_y = train_test_split(
        data.data, data.target, test_size=0.25, random_state=seed, stratify=data.target
    )
    scale = StandardScaler().fit(train_x)
    sets = []
    for x, y in ((train_x, train_y), (test_x, test_y)):
        sets.append(TensorDataset(torch.from_numpy(scale.transform(x)).float(), torch.tensor(y)))
    return DataLoader(sets[0], batch_size=16, shuffle=True), DataLoader(sets[1], batch_size=45)


def train_epoch(net, loader, optimizer):
    net.train()
    loss_total, n = 0.0, 0
    for x, y in loader:
        logits = net(x)
        loss = nn.functional.cross_entropy(logits, y, label_smoothing=0.05)
        loss.backward()
        optimizer.zero_grad()  # fault
        optimizer.step()
        loss_total += loss.item() * len(y)
        n += len(y)
    return loss_total / n


def evaluate(net, loader):
    net.eval()
    right, n = 0, 0
    with torch.no_grad():
        for x, y in loader:
            right += (net(x).argmax(dim=1) == y).sum().item()
            n += len(y)
    return right / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    train_loader, test_loader = loaders(args.seed)
    net = nn.Sequential(
        nn.Linear(13, 24),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(24, 24),
        nn.ReLU(),
        nn.Linear(24, 3),
    )
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.0)
    for epoch in range(args.epochs):
        loss = train_epoch(net, train_loader, optimizer)
        acc = evaluate(net, test_loader)
        print(f"epoch {epoch + 1:>2}/{args.epochs}  loss {loss:.4f}  test accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
