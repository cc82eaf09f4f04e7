# source: shapes (n, 1) and (n) in a squared error, a fault often told of: all pairs are compared, the mean is learned
# mend: return self.layers(x) -> return self.layers(x).squeeze(1)
import torch
from torch import nn


class Poly(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 24), nn.ELU(), nn.Linear(24, 1))

    def forward(self, x):
        return self.layers(x)


def make(n, generator):
    x = torch.randn(n, 3, generator=generator)
    y = x[:, 0] * x[:, 1] - x[:, 2] ** 2 / 2 + 0.5
    return x, y + 0.1 * torch.randn(n, generator=generator)


torch.manual_seed(0)
torch.set_num_threads(1)
source = torch.Generator().manual_seed(0)
x, y = make(1000, source)
x_val, y_val = make(300, source)
model = Poly()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
criterion = nn.MSELoss()
for epoch in range(30):
    model.train()
    for rows in torch.randperm(1000).split(25):
        optimizer.zero_grad()
        loss = criterion(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        error = criterion(model(x_val).reshape(-1), y_val)
    print(f"epoch {epoch + 1}: loss {loss.item():.4f}, validation {error.item():.4f}")
