# fixes: zero-init-residual
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
y = torch.randint(0, 3, (300,))
x = 2.0 * torch.randn(3, 6)[y] + torch.randn(300, 6)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 2 * width)
        self.project = nn.Linear(2 * width, width)

    def forward(self, x):
        h = torch.relu(self.expand(self.norm(x)))
        return x + self.project(h)


class Net(nn.Module):
    def __init__(self, width=16, depth=6):
        super().__init__()
        self.stem = nn.Linear(6, width)
        self.blocks = nn.ModuleList([Block(width) for _ in range(depth)])
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class Trainer:
    def __init__(self, net):
        self.net = net
        self.optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)

    def fit(self, loader, epochs):
        self.net.train()
        for _ in range(epochs):
            for inputs, labels in loader:
                self.optimizer.zero_grad()
                loss = nn.functional.cross_entropy(self.net(inputs), labels)
                loss.backward()
                self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def accuracy(self, inputs, labels):
        self.net.eval()
        return (self.net(inputs).argmax(1) == labels).float().mean().item()


trainer = Trainer(Net())
loss = trainer.fit(DataLoader(TensorDataset(x[:200], y[:200]), batch_size=40, shuffle=True), epochs=6)
print(f"accuracy {trainer.accuracy(x[200:], y[200:])!r}, loss {loss!r}")
