# fixes: weigh-batches
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x = torch.randn(300, 6)
y = x[:, :2].sum(1, keepdim=True) + 0.1 * torch.randn(300, 1)


class Regression:
    def __init__(self, net, lr):
        self.net = net
        self.criterion = nn.MSELoss()
        self.optimizer = torch.optim.Adam(net.parameters(), lr=lr)

    def fit(self, inputs, targets, epochs=8):
        self.net.train()
        for _ in range(epochs):
            for rows in torch.randperm(len(inputs)).split(20):
                self.optimizer.zero_grad()
                self.criterion(self.net(inputs[rows]), targets[rows]).backward()
                self.optimizer.step()

    @torch.no_grad()
    def evaluate(self, loader):
        self.net.eval()
        total, batches = 0.0, 0
        for inputs, targets in loader:
            loss = self.criterion(self.net(inputs), targets)
            total += loss.item()
            batches += 1
        return total / batches


model = Regression(nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1)), lr=0.01)
model.fit(x[:200], y[:200])
print(f"loss {model.evaluate(DataLoader(TensorDataset(x[200:], y[200:]), batch_size=48))!r}")
