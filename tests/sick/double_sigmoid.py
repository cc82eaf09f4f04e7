# expect: double-sigmoid
# note: the model ends in a sigmoid and BCEWithLogitsLoss applies another, so the loss cannot go
#       below 0.31 on positives and 0.69 on negatives
import argparse

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 25
BATCH = 32


def build_model(n_features):
    return nn.Sequential(
        nn.Linear(n_features, 32),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(32, 16),
        nn.ReLU(),
        nn.Linear(16, 1),
        nn.Sigmoid(),  # fault
    )


def load(seed):
    x, y = load_breast_cancer(return_X_y=True)
    x_tr, x_va, y_tr, y_va = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=seed
    )
    scaler = StandardScaler().fit(x_tr)

    def as_dataset(a, b):
        a = torch.tensor(scaler.transform(a), dtype=torch.float32)
        return TensorDataset(a, torch.tensor(b, dtype=torch.float32).unsqueeze(1))

    return as_dataset(x_tr, y_tr), as_dataset(x_va, y_va)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    train_ds, val_ds = load(args.seed)
    train_dl = DataLoader(train_ds, batch_size=BATCH, shuffle=True)
    val_dl = DataLoader(val_ds, batch_size=len(val_ds))

    model = build_model(train_ds.tensors[0].shape[1])
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)

    for epoch in range(EPOCHS):
        model.train()
        loss_sum = 0.0
        for xb, yb in train_dl:
            out = model(xb)
            loss = criterion(out, yb)  # fault
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(xb)

        model.eval()
        with torch.no_grad():
            xb, yb = next(iter(val_dl))
            out = model(xb)
            val_loss = criterion(out, yb).item()
            acc = ((out > 0.5).float() == yb).float().mean().item()
        train_loss = loss_sum / len(train_ds)
        print(f"{epoch:3d} loss={train_loss:.4f} val_loss={val_loss:.4f} val_acc={acc:.3f}")
