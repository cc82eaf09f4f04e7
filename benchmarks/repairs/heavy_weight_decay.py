# source: wrong weight decay (regularisation larger than the data), after faults in published benchmarks
# mend: weight_decay=0.5 -> weight_decay=1e-4
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from torch import nn


def prepare(test_size=0.3, seed=0):
    x, y = load_breast_cancer(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=test_size, random_state=seed, stratify=y)
    mean, std = x_train.mean(axis=0), x_train.std(axis=0)
    as_tensor = lambda a: torch.tensor((a - mean) / std, dtype=torch.float32)
    return as_tensor(x_train), as_tensor(x_val), torch.tensor(y_train), torch.tensor(y_val)


torch.manual_seed(0)
torch.set_num_threads(1)
x_train, x_val, y_train, y_val = prepare()
net = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=0.5)
criterion = nn.CrossEntropyLoss()

for epoch in range(20):
    net.train()
    for rows in torch.randperm(len(x_train)).split(32):
        optimizer.zero_grad()
        loss = criterion(net(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        scores = net(x_val)
        print(epoch, round(criterion(scores, y_val).item(), 4), (scores.argmax(1) == y_val).float().mean().item())
