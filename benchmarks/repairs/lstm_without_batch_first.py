# source: axes of a recurrent net mixed up, a fault of input format: batch_first was left out
# mend: nn.LSTM(2, 24) -> nn.LSTM(2, 24, batch_first=True)
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

rng = np.random.default_rng(0)
torch.manual_seed(0)
torch.set_num_threads(1)


def spirals(n, steps=12):
    """Paths that turn left, turn right or go straight."""
    kind = rng.integers(0, 3, n)
    turn = np.array([-0.3, 0.3, 0.0])[kind][:, None] + 0.15 * rng.normal(size=(n, steps))
    heading = rng.uniform(0, 6.28, (n, 1)) + turn.cumsum(1)
    path = np.stack([np.cos(heading), np.sin(heading)], axis=2)
    return torch.tensor(path, dtype=torch.float32), torch.tensor(kind)


class PathNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(2, 24)
        self.head = nn.Linear(24, 3)

    def forward(self, path):
        out, _ = self.lstm(path)
        return self.head(out[:, -1])


x, y = spirals(1000)
x_val, y_val = spirals(300)
model = PathNet()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(10):
    model.train()
    for rows in torch.randperm(len(x)).split(50):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        accuracy = (model(x_val).argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.4f} accuracy {accuracy:.3f}")
