# fixes: no-bias
import torch
from torch import nn

torch.manual_seed(0)
y = torch.randint(0, 3, (300,))
x = torch.randn(3, 1, 8, 8)[y] + 0.5 * torch.randn(300, 1, 8, 8)
net = nn.Sequential(
    nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 3)
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, weight_decay=1e-2)
for _ in range(6):
    net.train()
    for i in range(0, 200, 40):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[i : i + 40]), y[i : i + 40])
        loss.backward()
        optimizer.step()
net.eval()
with torch.no_grad():
    right = (net(x[200:]).argmax(1) == y[200:]).float().mean().item()
print(f"accuracy {right!r}, loss {loss.item()!r}")
