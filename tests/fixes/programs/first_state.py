# fixes: last-state
import torch
from torch import nn

torch.manual_seed(0)
y = torch.randint(0, 3, (300,))
x = torch.randn(300, 5, 6)
x[:, -1] += 2.0 * torch.randn(3, 6)[y]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.LSTM(6, 16, batch_first=True), nn.Linear(16, 3)

    def forward(self, x):
        seen = self.rnn(x)[0]
        return self.head(seen[:, 0, :])


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
for _ in range(6):
    for i in range(0, 200, 40):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[i : i + 40]), y[i : i + 40])
        loss.backward()
        optimizer.step()
with torch.no_grad():
    right = (net(x[200:]).argmax(1) == y[200:]).float().mean().item()
print(f"accuracy {right!r}, loss {loss.item()!r}")
