# expect: batched-differs
# accept: batch-mixing
# note: features are normalised with the batch's own mean and deviation, a sample alone becomes zero
import argparse

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class TumourNet(nn.Module):
    def __init__(self, n_features=30, width=32):
        super().__init__()
        self.gate = nn.Linear(n_features, width)
        self.value = nn.Linear(n_features, width)
        self.dropout = nn.Dropout(0.2)
        self.out = nn.Linear(width, 2)

    def normalise(self, x):
        mean = x.mean(dim=0, keepdim=True)  # fault
        std = x.std(dim=0, keepdim=True, correction=0)  # fault
        return (x - mean) / (std + 1e-3)  # fault

    def forward(self, x):
        x = self.normalise(x)
        x = torch.sigmoid(self.gate(x)) * self.value(x)
        return self.out(self.dropout(x))


def load(seed):
    x, y = load_breast_cancer(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.25, random_state=seed, stratify=y
    )
    mean, std = x_train.mean(axis=0), x_train.std(axis=0)
    datasets = []
    for inputs, labels in ((x_train, y_train), (x_val, y_val)):
        inputs = torch.tensor((inputs - mean) / std, dtype=torch.float32)
        datasets.append(TensorDataset(inputs, torch.tensor(labels)))
    return datasets


def accuracy(model, loader):
    model.eval()
    with torch.no_grad():
        hits = [(model(x).argmax(1) == y).sum().item() for x, y in loader]
    return sum(hits) / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    train_set, val_set = load(args.seed)
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True, drop_last=True)
    val_loader = DataLoader(val_set, batch_size=48)

    model = TumourNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
    for epoch in range(12):
        model.train()
        losses = []
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        mean_loss = sum(losses) / len(losses)
        print(f"epoch {epoch}: loss {mean_loss:.4f} val acc {accuracy(model, val_loader):.4f}")

    single = DataLoader(val_set, batch_size=1)
    print(f"served one patient at a time: acc {accuracy(model, single):.4f}")


if __name__ == "__main__":
    main()
