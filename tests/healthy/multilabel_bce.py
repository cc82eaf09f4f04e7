# healthy: multi-label classification: one BCE-with-logits per label, probabilities of a row do
# not sum to one and many rows carry no label at all
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import make_multilabel_classification
from sklearn.metrics import f1_score
from torch.utils.data import DataLoader, TensorDataset, random_split


class TagModel(nn.Module):
    def __init__(self, n_words, n_tags, dim=64):
        super().__init__()
        self.norm = nn.LayerNorm(n_words)
        self.hidden = nn.Linear(n_words, dim)
        self.tags = nn.Linear(dim, n_tags)

    def forward(self, counts):
        return self.tags(torch.relu(self.hidden(self.norm(counts))))


def epoch_pass(model, loader, loss_fn, optimizer=None):
    total, n = 0.0, 0
    for counts, tags in loader:
        logits = model(counts)
        loss = loss_fn(logits, tags)
        if optimizer:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        total += loss.item() * len(tags)
        n += len(tags)
    return total / n


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("-e", "--epochs", type=int, default=10)
    p.add_argument("-b", "--batch-size", type=int, default=64)
    p.add_argument("--lr", type=float, default=1e-3)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    torch.set_num_threads(1)

    X, Y = make_multilabel_classification(
        n_samples=3000, n_features=40, n_classes=6, n_labels=2, length=60, random_state=a.seed
    )
    X = torch.log1p(torch.tensor(X, dtype=torch.float32))
    data = TensorDataset(X, torch.tensor(Y, dtype=torch.float32))
    generator = torch.Generator().manual_seed(a.seed)
    train_ds, val_ds = random_split(data, [2400, 600], generator=generator)
    train_dl = DataLoader(train_ds, a.batch_size, shuffle=True)
    val_dl = DataLoader(val_ds, 200)

    model = TagModel(40, 6)
    loss_fn = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=a.lr, weight_decay=1e-3)
    for epoch in range(a.epochs):
        model.train()
        train_loss = epoch_pass(model, train_dl, loss_fn, optimizer)
        model.eval()
        with torch.no_grad():
            val_loss = epoch_pass(model, val_dl, loss_fn)
            pred = torch.cat([model(x).sigmoid() > 0.5 for x, _ in val_dl])
        truth = torch.cat([t for _, t in val_dl])
        f1 = f1_score(truth, pred, average="micro")
        print(f"epoch {epoch}: train {train_loss:.4f} val {val_loss:.4f} micro-F1 {f1:.4f}")
