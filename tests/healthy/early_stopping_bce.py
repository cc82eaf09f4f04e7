# healthy: sigmoid output with BCELoss (a right pair), early stopping on validation loss; the best
# weights are copied and loaded back at the end, so parameters jump once outside the optimizer
import argparse
import copy

import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset


class EarlyStopping:
    def __init__(self, patience=5, min_delta=0.0):
        self.patience, self.min_delta = patience, min_delta
        self.best_loss = float("inf")
        self.best_state = None
        self.counter = 0

    def __call__(self, val_loss, model):
        if val_loss < self.best_loss - self.min_delta:
            self.best_loss = val_loss
            self.best_state = copy.deepcopy(model.state_dict())
            self.counter = 0
        else:
            self.counter += 1
        return self.counter >= self.patience


class BinaryClassifier(nn.Module):
    def __init__(self, in_features):
        super().__init__()
        self.layer_1 = nn.Linear(in_features, 32)
        self.layer_2 = nn.Linear(32, 16)
        self.layer_out = nn.Linear(16, 1)
        self.dropout = nn.Dropout(p=0.2)

    def forward(self, x):
        x = torch.relu(self.layer_1(x))
        x = self.dropout(torch.relu(self.layer_2(x)))
        return torch.sigmoid(self.layer_out(x)).squeeze(-1)


def main(seed):
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    X, y = load_breast_cancer(return_X_y=True)
    X_rest, X_test, y_rest, y_test = train_test_split(
        X, y, test_size=114, stratify=y, random_state=seed
    )
    X_train, X_val, y_train, y_val = train_test_split(
        X_rest, y_rest, test_size=95, stratify=y_rest, random_state=seed
    )
    sc = StandardScaler().fit(X_train)
    X_train, X_val, X_test = (
        torch.FloatTensor(sc.transform(part)) for part in (X_train, X_val, X_test)
    )
    y_train, y_val, y_test = (torch.FloatTensor(part) for part in (y_train, y_val, y_test))
    loader = DataLoader(TensorDataset(X_train, y_train), batch_size=20, shuffle=True)

    model = BinaryClassifier(X.shape[1])
    criterion = nn.BCELoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    stopper = EarlyStopping(patience=6)

    for epoch in range(60):
        model.train()
        train_loss = 0.0
        for xb, yb in loader:
            loss = criterion(model(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            train_loss += loss.item() * len(xb)
        model.eval()
        with torch.no_grad():
            val_loss = criterion(model(X_val), y_val).item()
        print(f"epoch {epoch:02d}: train {train_loss / len(X_train):.4f} val {val_loss:.4f}")
        if stopper(val_loss, model):
            print("early stopping")
            break

    model.load_state_dict(stopper.best_state)
    model.eval()
    with torch.no_grad():
        p = model(X_test)
    acc = ((p > 0.5) == y_test.bool()).float().mean().item()
    print(f"best val loss {stopper.best_loss:.4f}, test accuracy {acc:.4f}, "
          f"test AUC {roc_auc_score(y_test, p):.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
