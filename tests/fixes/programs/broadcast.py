# fixes: same-shape
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(300, 6)
y = x @ torch.randn(6) + 0.1 * torch.randn(300)
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(6):
    for i in range(0, 200, 40):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x[i : i + 40]), y[i : i + 40])
        loss.backward()
        optimizer.step()
with torch.no_grad():
    r2 = 1 - nn.functional.mse_loss(net(x[200:]).squeeze(1), y[200:]).item() / y[200:].var(unbiased=False).item()
print(f"r2 {r2!r}, loss {loss.item()!r}")
