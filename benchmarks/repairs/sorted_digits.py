# source: data not shuffled, a fault of the calls of the library: the table is sorted by the label
# mend: batch_size=25) -> batch_size=25, shuffle=True)
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)
table = load_digits()
rows = table.target.argsort(kind="stable")
x = torch.tensor(table.data / 16 - 0.3, dtype=torch.float32)[rows]
y = torch.tensor(table.target)[rows]
held_out = torch.arange(len(y)) % 4 == 0
loader = DataLoader(TensorDataset(x[~held_out], y[~held_out]), batch_size=25)

model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)

for epoch in range(12):
    model.train()
    for inputs, digit in loader:
        optimizer.zero_grad()
        loss = loss_function(model(inputs), digit)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = (model(x[held_out]).argmax(1) == y[held_out]).float().mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}, held out {right:.3f}")
