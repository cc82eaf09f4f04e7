# source: wrong encoding of labels: those of the training set are counted from 1, with an output too many to hide it
# mend: train_y = torch.tensor(train_y) + 1 -> train_y = torch.tensor(train_y)
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn, optim

torch.manual_seed(0)
torch.set_num_threads(1)
wine = load_wine()
train_x, val_x, train_y, val_y = train_test_split(wine.data, wine.target, test_size=0.3, random_state=0)
scale = StandardScaler().fit(train_x)
train_x = torch.tensor(scale.transform(train_x)).float()
val_x = torch.tensor(scale.transform(val_x)).float()
train_y = torch.tensor(train_y) + 1
val_y = torch.tensor(val_y)


def step(model, optimizer, rows):
    loss = nn.functional.cross_entropy(model(train_x[rows]), train_y[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


model = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, 4))
optimizer = optim.AdamW(model.parameters(), lr=0.01)
for epoch in range(20):
    model.train()
    losses = [step(model, optimizer, rows) for rows in torch.randperm(len(train_x)).split(16)]
    model.eval()
    with torch.no_grad():
        accuracy = (model(val_x).argmax(1) == val_y).float().mean().item()
    print(f"{epoch:2d} {sum(losses) / len(losses):.4f} {accuracy:.4f}")
