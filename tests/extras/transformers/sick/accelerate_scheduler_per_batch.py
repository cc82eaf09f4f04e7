# expect: misstepped-scheduler
# accept: lr-decays-early
# note: a decay of 0.85 meant per epoch is applied per batch
import torch
from accelerate import Accelerator
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
accelerator = Accelerator(cpu=True)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor((x - x.mean()) / x.std(), dtype=torch.float32), torch.tensor(y)
order = torch.randperm(len(x))
train = DataLoader(TensorDataset(x[order[:1440]], y[order[:1440]]), batch_size=48, shuffle=True)
test = DataLoader(TensorDataset(x[order[1440:]], y[order[1440:]]), batch_size=119)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = optim.SGD(model.parameters(), lr=0.05)
scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.85)  # fault
model, optimizer, train, test, scheduler = accelerator.prepare(model, optimizer, train, test, scheduler)
for epoch in range(14):
    model.train()
    for inputs, targets in train:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(inputs), targets)
        accelerator.backward(loss)
        optimizer.step()
        scheduler.step()  # fault
    model.eval()
    with torch.no_grad():
        right = sum((model(a).argmax(1) == b).sum().item() for a, b in test)
    accelerator.print(epoch, right / (len(x) - 1440))
