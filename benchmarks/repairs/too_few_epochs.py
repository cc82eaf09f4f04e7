# source: number of epochs, 17 % of the labelled faults of four published benchmarks
# mend: "epochs": 2 -> "epochs": 40
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

config = {"epochs": 2, "batch_size": 16, "lr": 0.02, "hidden": 24}


def datasets():
    x, y = load_wine(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.4, random_state=1, stratify=y)
    scaler = StandardScaler().fit(x_train)
    return [
        TensorDataset(torch.tensor(scaler.transform(a), dtype=torch.float32), torch.tensor(b))
        for a, b in ((x_train, y_train), (x_val, y_val))
    ]


def one_epoch(model, loader, criterion, optimizer):
    model.train()
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()


def validate(model, loader, criterion):
    model.eval()
    loss, hits, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            loss += criterion(out, y).item() * len(y)
            hits += (out.argmax(1) == y).sum().item()
            n += len(y)
    return loss / n, hits / n


torch.manual_seed(5)
torch.set_num_threads(1)
train_set, val_set = datasets()
train_loader = DataLoader(train_set, batch_size=config["batch_size"], shuffle=True)
val_loader = DataLoader(val_set, batch_size=72)
model = nn.Sequential(nn.Linear(13, config["hidden"]), nn.ReLU(), nn.Linear(config["hidden"], 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=config["lr"])
for epoch in range(config["epochs"]):
    one_epoch(model, train_loader, criterion, optimizer)
    print(epoch + 1, validate(model, val_loader, criterion))
