# source: unbalanced classes, named in interviews with practitioners; here one in thirty, scored on as many of each
# mend: nn.CrossEntropyLoss() -> nn.CrossEntropyLoss(weight=torch.tensor([1.0, 30.0]))
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def patients(healthy, ill, rng):
    x = rng.normal(size=(healthy + ill, 10)).astype(np.float32)
    x[healthy:, :3] += np.array([1.0, -0.8, 0.9], dtype=np.float32)
    y = np.repeat([0, 1], [healthy, ill])
    order = rng.permutation(len(y))
    return TensorDataset(torch.from_numpy(x[order]), torch.from_numpy(y[order]))


def fit(model, loader, optimizer, criterion):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()


def balanced_accuracy(model, dataset):
    model.eval()
    x, y = dataset.tensors
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    train_set, val_set = patients(3000, 100, rng), patients(400, 400, rng)
    loader = DataLoader(train_set, batch_size=64, shuffle=True)
    model = nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(8):
        loss = fit(model, loader, optimizer, criterion)
        print(f"epoch {epoch}: loss {loss:.4f}, balanced accuracy {balanced_accuracy(model, val_set):.4f}")


main()
