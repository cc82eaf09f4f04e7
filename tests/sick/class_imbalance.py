# expect: class-imbalance
# accept: collapsed-prediction
# note: 1.5 % positives and nothing done about it: all is called negative, accuracy is 0.985
import argparse

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class FraudNet(nn.Module):
    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, 32),
            nn.ReLU(),
            nn.Linear(32, 16),
            nn.ReLU(),
            nn.Linear(16, 2),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def get_data(seed: int):
    rng = np.random.default_rng(17)
    n, n_fraud = 10_000, 150
    y = np.zeros(n, dtype=np.int64)
    y[:n_fraud] = 1
    x = rng.normal(size=(n, 12))
    x[:n_fraud, :4] += [1.1, -0.9, 0.7, 0.6]
    x *= rng.uniform(0.5, 20.0, size=12)
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.25, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(x_train)

    def dataset(a, b):
        return TensorDataset(torch.tensor(scaler.transform(a)).float(), torch.tensor(b))

    return dataset(x_train, y_train), dataset(x_val, y_val)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)

    train_set, val_set = get_data(seed)
    train_loader = DataLoader(train_set, batch_size=128, shuffle=True)  # fault
    val_loader = DataLoader(val_set, batch_size=500)
    model = FraudNet(12)
    criterion = nn.CrossEntropyLoss()  # fault
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    for epoch in range(6):
        model.train()
        total = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
        model.eval()
        correct = caught = fraud = 0
        with torch.no_grad():
            for x, y in val_loader:
                pred = model(x).argmax(dim=1)
                correct += (pred == y).sum().item()
                caught += ((pred == 1) & (y == 1)).sum().item()
                fraud += (y == 1).sum().item()
        acc = correct / len(val_set)
        loss = total / len(train_set)
        print(f"epoch {epoch}: loss {loss:.4f} accuracy {acc:.4f} caught {caught}/{fraud}")


if __name__ == "__main__":
    main()
