# healthy: rare positive class (7 %), handled with class weights from the training counts and
# judged by balanced accuracy and average precision rather than accuracy
import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from sklearn.metrics import average_precision_score, balanced_accuracy_score
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class FraudNet(nn.Module):
    def __init__(self, n_features: int, hidden: int = 32):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, hidden),
            nn.LeakyReLU(),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(),
            nn.Dropout(0.1),
            nn.Linear(hidden, 2),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


def build_data(seed: int):
    X, y = make_classification(
        n_samples=4000, n_features=12, n_informative=6, n_redundant=2, n_clusters_per_class=2,
        weights=[0.93], class_sep=1.4, flip_y=0.0, random_state=seed,
    )
    X_tr, X_va, y_tr, y_va = train_test_split(
        X, y, test_size=0.25, stratify=y, random_state=seed
    )
    mean, std = X_tr.mean(0), X_tr.std(0)
    as_set = [
        TensorDataset(torch.tensor((a - mean) / std, dtype=torch.float32), torch.tensor(b))
        for a, b in ((X_tr, y_tr), (X_va, y_va))
    ]
    return as_set[0], as_set[1], np.bincount(y_tr)


def evaluate(model: nn.Module, loader: DataLoader) -> dict[str, float]:
    model.eval()
    scores, targets = [], []
    with torch.no_grad():
        for x, y in loader:
            scores.append(model(x).softmax(dim=1)[:, 1])
            targets.append(y)
    p, t = torch.cat(scores).numpy(), torch.cat(targets).numpy()
    return {
        "balanced_acc": balanced_accuracy_score(t, p > 0.5),
        "avg_precision": average_precision_score(t, p),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    train_set, val_set, counts = build_data(seed)
    print("class counts in training:", counts.tolist())
    train_loader = DataLoader(train_set, batch_size=100, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=500)
    model = FraudNet(12)
    class_weights = torch.tensor(counts.sum() / (2.0 * counts), dtype=torch.float32)
    criterion = nn.CrossEntropyLoss(weight=class_weights)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for epoch in range(10):
        model.train()
        epoch_loss = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item() / len(train_loader)
        metrics = " ".join(f"{k}={v:.3f}" for k, v in evaluate(model, val_loader).items())
        print(f"epoch {epoch + 1:2d} loss={epoch_loss:.4f} {metrics}")


if __name__ == "__main__":
    main()
