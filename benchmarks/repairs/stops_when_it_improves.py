# source: early stopping with the wrong direction, as made by mutation tools: it stops while the loss is falling
# mend: if val_loss > self.best: -> if val_loss < self.best:
# mend: self.best = -float("inf") -> self.best = float("inf")
import torch
from sklearn.datasets import load_digits
from torch import nn


class EarlyStopping:
    def __init__(self, patience):
        self.patience = patience
        self.best = -float("inf")
        self.waited = 0

    def should_stop(self, val_loss):
        if val_loss > self.best:
            self.best, self.waited = val_loss, 0
        else:
            self.waited += 1
        return self.waited >= self.patience


torch.manual_seed(0)
torch.set_num_threads(1)
digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16 - 0.3
y = torch.tensor(digits.target)
order = torch.randperm(len(y))
train, val = order[:1400], order[1400:]

model = nn.Sequential(nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, 10))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.03)
stopping = EarlyStopping(patience=2)
for epoch in range(30):
    model.train()
    for rows in train[torch.randperm(len(train))].split(32):
        optimizer.zero_grad()
        loss = criterion(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        scores = model(x[val])
        val_loss = criterion(scores, y[val]).item()
    accuracy = (scores.argmax(1) == y[val]).float().mean().item()
    print(f"epoch {epoch}: val {val_loss:.4f} accuracy {accuracy:.4f}")
    if stopping.should_stop(val_loss):
        print("no improvement: stopped")
        break
