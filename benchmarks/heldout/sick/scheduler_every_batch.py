# expect: misstepped-scheduler
# accept: lr-decays-early
# note: StepLR(step_size=4 epochs) is stepped inside the batch loop, so the learning rate is gone within the first epoch
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=12)
args = parser.parse_args()
torch.manual_seed(args.seed)

digits = load_digits()
rows = torch.tensor(digits.images, dtype=torch.float32) / 8 - 1
labels = torch.tensor(digits.target)
order = torch.randperm(len(rows))
train_ds = TensorDataset(rows[order[:1400]], labels[order[:1400]])
val_ds = TensorDataset(rows[order[1400:]], labels[order[1400:]])
train_dl = DataLoader(train_ds, batch_size=64, shuffle=True)
val_dl = DataLoader(val_ds, batch_size=397)


class RowReader(nn.Module):
    """Reads an image row by row."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(8, 48, batch_first=True)
        self.fc = nn.Linear(48, 10)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.fc(out[:, -1])


model = RowReader()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
scheduler = StepLR(optimizer, step_size=4, gamma=0.3)  # fault
ce = nn.CrossEntropyLoss()

for epoch in range(args.epochs):
    model.train()
    run = 0.0
    for xb, yb in train_dl:
        optimizer.zero_grad()
        loss = ce(model(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        scheduler.step()  # fault
        run += loss.item()
    model.eval()
    with torch.no_grad():
        xb, yb = next(iter(val_dl))
        logits = model(xb)
        val_acc = (logits.argmax(1) == yb).float().mean().item()
    print(f"epoch {epoch:2d}  loss {run / len(train_dl):.4f}  acc {val_acc:.3f}")
