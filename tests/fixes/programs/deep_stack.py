# fixes: fewer-layers
import torch
from torch import nn

DEPTH = 8

torch.manual_seed(0)
y = torch.randint(0, 3, (300,))
x = 2.0 * torch.randn(3, 6)[y] + torch.randn(300, 6)


def make_net(depth):
    layers = [nn.Linear(6, 16), nn.Tanh()]
    for _ in range(depth):
        layers += [nn.Linear(16, 16), nn.Tanh()]
    return nn.Sequential(*layers, nn.Linear(16, 3))


def train(net, rows, epochs=6):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(epochs):
        for batch in rows[torch.randperm(len(rows))].split(40):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
    return loss.item()


@torch.no_grad()
def accuracy(net, rows):
    return (net(x[rows]).argmax(1) == y[rows]).float().mean().item()


net = make_net(DEPTH)
loss = train(net, torch.arange(200))
print(f"accuracy {accuracy(net, torch.arange(200, 300))!r}, loss {loss!r}")
