# source: batch too large, a fault of mutation tools that no published tool mends: all samples are one batch
# mend: batch_size=2000 -> batch_size=32
import torch
from sklearn.datasets import make_moons
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


def get_loader(n, seed, shuffle):
    x, y = make_moons(n, noise=0.1, random_state=seed)
    dataset = TensorDataset(torch.tensor(x, dtype=torch.float32), torch.tensor(y))
    return DataLoader(dataset, batch_size=2000, shuffle=shuffle)


def evaluate(model, loader):
    model.eval()
    n = correct = 0
    with torch.no_grad():
        for x, y in loader:
            correct += (model(x).argmax(1) == y).sum().item()
            n += len(y)
    return correct / n


torch.manual_seed(0)
torch.set_num_threads(1)
train_loader = get_loader(2000, seed=0, shuffle=True)
val_loader = get_loader(500, seed=1, shuffle=False)
model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
criterion = nn.CrossEntropyLoss()
for epoch in range(12):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    print(f"{epoch}: {loss.item():.4f} {evaluate(model, val_loader):.4f}")
