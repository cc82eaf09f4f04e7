# fixes: stratify
# place: stratify -> x_train, x_val
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
y = torch.randint(0, 3, (300,))
x = 2.0 * torch.randn(3, 6)[y] + torch.randn(300, 6)
x, y = x[y.argsort(stable=True)], y[y.argsort(stable=True)]
x_train, x_val = x[:200], x[200:]
y_train, y_val = y[:200], y[200:]
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=40)
val_loader = DataLoader(TensorDataset(x_val, y_val), batch_size=50)
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(6):
    for a, b in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(a), b)
        loss.backward()
        optimizer.step()
with torch.no_grad():
    right = sum((net(a).argmax(1) == b).sum().item() for a, b in val_loader) / 100
print(f"accuracy {right!r}, loss {loss.item()!r}")
