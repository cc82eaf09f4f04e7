# fixes: batch-first
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(60, 20, 4)
y = (x[:, -1, 0] > 0).long()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells = nn.LSTM(4, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.cells(x)[0][:, -1])


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for _ in range(15):
    for i in (0, 20):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[i : i + 20]), y[i : i + 20])
        loss.backward()
        optimizer.step()
with torch.no_grad():
    right = (net(x[40:]).argmax(1) == y[40:]).float().mean().item()
print(f"accuracy {right!r}, loss {loss.item()!r}")
