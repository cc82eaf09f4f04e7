# fixes: apply-mask
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randint(1, 20, (300, 8))
x[:, 6:] = torch.where(torch.rand(300, 1) < 0.5, 0, x[:, 6:])
y = x.flip(1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 16)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.head = nn.Linear(16, 20)

    def forward(self, x, mask):
        h = self.embedding(x)
        h = h + self.attention(h, h, h)[0]
        return self.head(h)


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
for _ in range(6):
    for i in range(0, 200, 40):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x[i : i + 40], x[i : i + 40] > 0).flatten(0, 1), y[i : i + 40].flatten())
        loss.backward()
        optimizer.step()
with torch.no_grad():
    right = (net(x[200:], x[200:] > 0).argmax(2) == y[200:]).float().mean().item()
print(f"accuracy {right!r}, loss {loss.item()!r}")
