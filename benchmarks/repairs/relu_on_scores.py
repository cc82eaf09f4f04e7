# source: wrong output activation: a ReLU on the class scores, whose gradient is zero where the score is negative
# mend: nn.Linear(32, 10),\n    nn.ReLU(), -> nn.Linear(32, 10),
import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(4)
torch.set_num_threads(1)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x, dtype=torch.float32) / 16 - 0.3, torch.tensor(y)
mix = torch.randperm(len(y))
x, y = x[mix], y[mix]

model = nn.Sequential(
    nn.Linear(64, 32),
    nn.ReLU(),
    nn.Linear(32, 10),
    nn.ReLU(),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
for epoch in range(10):
    model.train()
    for start in range(0, 1408, 32):
        loss = criterion(model(x[start : start + 32]), y[start : start + 32])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        hits = (model(x[1408:]).argmax(1) == y[1408:]).float().mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.3f} accuracy {hits:.3f}")
