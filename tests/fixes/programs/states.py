# fixes: detach-hidden
import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(60, 20, 4)
y = x.sum(2)
net = nn.LSTM(4, 8)
head = nn.Linear(8, 1)
optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=1e-2)
state = None
for epoch in range(10):
    for i in range(2):
        optimizer.zero_grad()
        out, state = net(x[20 * i : 20 * i + 20], state)
        loss = nn.functional.mse_loss(head(out).squeeze(2), y[20 * i : 20 * i + 20])
        loss.backward(retain_graph=True)
        optimizer.step()
with torch.no_grad():
    error = nn.functional.mse_loss(head(net(x[40:])[0]).squeeze(2), y[40:]).item()
print(f"loss {error!r}, in training {loss.item()!r}")
