# fixes: enable-grad
import torch
from torch import nn

torch.manual_seed(0)
y = torch.randint(0, 3, (300,))
x = 2.0 * torch.randn(3, 6)[y] + torch.randn(300, 6)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(6, 16)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        with torch.no_grad():
            h = torch.relu(self.body(x))
        return self.head(h)


net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(6):
    for i in range(0, 200, 40):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[i : i + 40]), y[i : i + 40])
        loss.backward()
        optimizer.step()
with torch.no_grad():
    right = (net(x[200:]).argmax(1) == y[200:]).float().mean().item()
print(f"accuracy {right!r}, loss {loss.item()!r}")
