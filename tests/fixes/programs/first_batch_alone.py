# fixes: whole-set
import torch
from torch import nn

torch.manual_seed(0)
y = torch.randint(0, 3, (300,))
x = 2.0 * torch.randn(3, 6)[y] + torch.randn(300, 6)
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(6):
    for i in range(0, 200, 40):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[i : i + 40]), y[i : i + 40])
        loss.backward()
        optimizer.step()
right = 0.0
with torch.no_grad():
    for i in range(200, 300, 25):
        right += (net(x[i : i + 25]).argmax(1) == y[i : i + 25]).float().mean().item() / 4
        break
print(f"accuracy {right!r}, loss {loss.item()!r}")
