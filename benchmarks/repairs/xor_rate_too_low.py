# source: "my network does not learn XOR", as asked again and again: plain gradient descent with a rate far too low
# mend: LEARNING_RATE = 0.0005 -> LEARNING_RATE = 0.3
import torch
import torch.nn as nn

LEARNING_RATE = 0.0005
EPOCHS = 60


class XorNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 8)
        self.out = nn.Linear(8, 2)

    def forward(self, x):
        return self.out(torch.tanh(self.hidden(x)))


def corners(n):
    bits = torch.randint(0, 2, (n, 2))
    x = 2.0 * bits - 1 + 0.25 * torch.randn(n, 2)
    return x, bits[:, 0] ^ bits[:, 1]


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


torch.manual_seed(1)
torch.set_num_threads(1)
x, y = corners(400)
x_test, y_test = corners(400)
net = XorNet()
loss_fn = nn.CrossEntropyLoss()
sgd = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE)
for epoch in range(EPOCHS):
    net.train()
    for rows in torch.randperm(len(x)).split(20):
        sgd.zero_grad()
        loss = loss_fn(net(x[rows]), y[rows])
        loss.backward()
        sgd.step()
    if epoch % 5 == 4:
        print(epoch + 1, round(loss.item(), 4), accuracy(net, x_test, y_test))
