# expect-note: dropout-before-norm
# note: dropout feeds batch norm, whose running variance then does not fit evaluation; trains well
import argparse

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class CancerNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(30, 48)
        self.drop = nn.Dropout(0.2)
        self.bn = nn.BatchNorm1d(48)
        self.fc2 = nn.Linear(48, 24)
        self.fc3 = nn.Linear(24, 1)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = self.bn(self.drop(x))  # fault
        x = torch.relu(self.fc2(x))
        return self.fc3(x).squeeze(1)


def loaders(seed):
    x, y = load_breast_cancer(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.3, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(x_train)

    def tensors(a, b):
        a = torch.tensor(scaler.transform(a), dtype=torch.float32)
        return TensorDataset(a, torch.tensor(b, dtype=torch.float32))

    train_loader = DataLoader(tensors(x_train, y_train), 32, shuffle=True, drop_last=True)
    return train_loader, DataLoader(tensors(x_val, y_val), 171)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    train_loader, val_loader = loaders(args.seed)
    model = CancerNet()
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-3)
    for epoch in range(15):
        model.train()
        losses = []
        for x, y in train_loader:
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            x, y = next(iter(val_loader))
            logits = model(x)
            val_loss = criterion(logits, y).item()
            acc = ((logits > 0) == (y > 0.5)).float().mean().item()
        train_loss = sum(losses) / len(losses)
        print(f"epoch {epoch:2d} loss {train_loss:.4f} val {val_loss:.4f} acc {acc:.4f}")


if __name__ == "__main__":
    main()
