# expect: double-sigmoid
# note: forward ends in sigmoid and the criterion is BCEWithLogitsLoss, so probabilities stay in
#   0.5..0.73
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import f1_score
from torch.utils.data import DataLoader, TensorDataset


class MultiLabelNet(nn.Module):
    def __init__(self, n_features, n_labels):
        super().__init__()
        self.norm = nn.LayerNorm(n_features)
        self.hidden1 = nn.Linear(n_features, 96)
        self.hidden2 = nn.Linear(96, 48)
        self.out = nn.Linear(48, n_labels)
        self.drop = nn.Dropout(0.1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        x = torch.relu(self.hidden1(self.norm(x)))
        x = self.drop(x)
        x = torch.relu(self.hidden2(x))
        return self.sigmoid(self.out(x))  # fault


class Trainer:
    def __init__(self, model, lr, accumulation=2):
        self.model = model
        self.criterion = nn.BCEWithLogitsLoss()  # fault
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        self.accumulation = accumulation

    def train_one_epoch(self, loader):
        self.model.train()
        total = 0.0
        self.optimizer.zero_grad()
        for step, (x, y) in enumerate(loader, start=1):
            loss = self.criterion(self.model(x), y)  # fault
            (loss / self.accumulation).backward()
            total += loss.item()
            if step % self.accumulation == 0 or step == len(loader):
                self.optimizer.step()
                self.optimizer.zero_grad()
        return total / len(loader)

    @torch.no_grad()
    def evaluate(self, loader):
        self.model.eval()
        preds, targets = [], []
        for x, y in loader:
            preds.append((self.model(x) > 0.5).int())
            targets.append(y.int())
        return f1_score(torch.cat(targets), torch.cat(preds), average="micro", zero_division=0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    X, Y = make_multilabel_classification(
        3000, n_features=30, n_classes=8, n_labels=2, length=60, random_state=args.seed
    )
    X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
    Y = torch.tensor(Y, dtype=torch.float32)
    train_loader = DataLoader(TensorDataset(X[:2400], Y[:2400]), batch_size=32, shuffle=True)
    val_loader = DataLoader(TensorDataset(X[2400:], Y[2400:]), batch_size=100)

    trainer = Trainer(MultiLabelNet(30, 8), lr=0.05)
    for epoch in range(1, 13):
        loss = trainer.train_one_epoch(train_loader)
        print(f"epoch {epoch:02d} | loss {loss:.4f} | micro F1 {trainer.evaluate(val_loader):.3f}")


if __name__ == "__main__":
    main()
