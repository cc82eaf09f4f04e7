# expect: unscaled-input
# note: raw clinical features (0.001 .. 4000) go into the net, no standardisation; it stays near
#   the majority class
import argparse

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, Dataset


class TumorDataset(Dataset):
    def __init__(self, features, labels):
        self.features = torch.tensor(features, dtype=torch.float32)  # fault
        self.labels = torch.tensor(labels, dtype=torch.float32).view(-1, 1)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, idx):
        return self.features[idx], self.labels[idx]


class BinaryClassifier(nn.Module):
    def __init__(self, n_inputs):
        super().__init__()
        self.layer_1 = nn.Linear(n_inputs, 32)
        self.layer_2 = nn.Linear(32, 32)
        self.layer_out = nn.Linear(32, 1)
        self.act = nn.Tanh()

    def forward(self, x):
        x = self.act(self.layer_1(x))
        x = self.act(self.layer_2(x))
        return self.layer_out(x)


def binary_acc(logits, y):
    return ((logits > 0).float() == y).float().mean().item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    opt = parser.parse_args()
    torch.manual_seed(opt.seed)

    data = load_breast_cancer()
    X_train, X_test, y_train, y_test = train_test_split(  # fault
        data.data, data.target, test_size=0.25, stratify=data.target, random_state=42
    )
    train_loader = DataLoader(TumorDataset(X_train, y_train), batch_size=16, shuffle=True)
    test_set = TumorDataset(X_test, y_test)

    model = BinaryClassifier(X_train.shape[1])
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

    for e in range(1, opt.epochs + 1):
        model.train()
        epoch_loss = epoch_acc = 0.0
        for X_batch, y_batch in train_loader:
            optimizer.zero_grad()
            y_pred = model(X_batch)
            loss = criterion(y_pred, y_batch)
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item()
            epoch_acc += binary_acc(y_pred, y_batch)
        model.eval()
        with torch.no_grad():
            val = binary_acc(model(test_set.features), test_set.labels)
        n = len(train_loader)
        print(f"Epoch {e:02}: | Loss: {epoch_loss / n:.5f} | Acc: {epoch_acc / n:.3f} "
              f"| Val: {val:.3f}")
