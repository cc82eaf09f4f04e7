# fixes: sigmoid
# place: sigmoid -> nn.Softmax
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(300, 6)
y = (x[:, 0] + x[:, 1] > 0).float()
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1), nn.Softmax(dim=1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(6):
    for i in range(0, 200, 40):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy(net(x[i : i + 40]).squeeze(1), y[i : i + 40])
        loss.backward()
        optimizer.step()
with torch.no_grad():
    right = ((net(x[200:]).squeeze(1) > 0.5).float() == y[200:]).float().mean().item()
print(f"accuracy {right!r}, loss {loss.item()!r}")
