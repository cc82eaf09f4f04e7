# source: wrong weight initialisation: all weights drawn with a standard deviation of 3, hidden units saturate at once
# mend: nn.init.normal_(p, std=3.0) -> nn.init.xavier_uniform_(p)
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)

digits = load_digits()
data = torch.tensor(digits.data, dtype=torch.float32) / 8 - 1
target = torch.tensor(digits.target)
shuffled = torch.randperm(len(target))
train_rows, val_rows = shuffled[:1350], shuffled[1350:]
train_loader = DataLoader(TensorDataset(data[train_rows], target[train_rows]), batch_size=30, shuffle=True)
val_loader = DataLoader(TensorDataset(data[val_rows], target[val_rows]), batch_size=149)

model = nn.Sequential(nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 10))
for p in model.parameters():
    if p.dim() > 1:
        nn.init.normal_(p, std=3.0)

loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02)

for epoch in range(15):
    model.train()
    for inputs, labels in train_loader:
        optimizer.zero_grad()
        loss_fn(model(inputs), labels).backward()
        optimizer.step()
    model.eval()
    total, hits = 0.0, 0
    with torch.no_grad():
        for inputs, labels in val_loader:
            scores = model(inputs)
            total += loss_fn(scores, labels).item() * len(labels)
            hits += (scores.argmax(1) == labels).sum().item()
    print(f"epoch {epoch + 1:2d} val loss {total / len(val_rows):.3f} accuracy {hits / len(val_rows):.3f}")
