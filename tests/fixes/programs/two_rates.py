# fixes: same-rate
import torch
from torch import nn

torch.manual_seed(0)
y = torch.randint(0, 3, (300,))
x = 2.0 * torch.randn(3, 6)[y] + torch.randn(300, 6)
body, head = nn.Sequential(nn.Linear(6, 16), nn.ReLU()), nn.Linear(16, 3)
net = nn.Sequential(body, head)
groups = [{"params": body.parameters(), "lr": 3.0}, {"params": head.parameters(), "lr": 1e-2}]
optimizer = torch.optim.Adam(groups)
for _ in range(6):
    for i in range(0, 200, 40):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[i : i + 40]), y[i : i + 40])
        loss.backward()
        optimizer.step()
with torch.no_grad():
    right = (net(x[200:]).argmax(1) == y[200:]).float().mean().item()
print(f"accuracy {right!r}, loss {loss.item()!r}")
