# source: data not shuffled, a fault of the calls of the library: the flowers come species by species
# mend: batch_size=10) -> batch_size=10, shuffle=True)
import torch
from sklearn.datasets import load_iris
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
torch.set_num_threads(1)
iris = load_iris()
x = torch.tensor((iris.data - iris.data.mean(0)) / iris.data.std(0), dtype=torch.float32)
y = torch.tensor(iris.target)
held_out = torch.arange(len(y)) % 3 == 0
loader = DataLoader(TensorDataset(x[~held_out], y[~held_out]), batch_size=10)

model = nn.Sequential(nn.Linear(4, 20), nn.ReLU(), nn.Linear(20, 3))
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)

for epoch in range(20):
    model.train()
    for inputs, species in loader:
        optimizer.zero_grad()
        loss = loss_function(model(inputs), species)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = (model(x[held_out]).argmax(1) == y[held_out]).float().mean().item()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}, held out {right:.3f}")
