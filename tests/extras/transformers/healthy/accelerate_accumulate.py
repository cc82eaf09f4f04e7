# healthy: `with accelerator.accumulate(model)` over four batches, bf16, a decay per epoch
import torch
from accelerate import Accelerator
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
accelerator = Accelerator(gradient_accumulation_steps=4, cpu=True, mixed_precision="bf16")
x, y = load_digits(return_X_y=True)
x, y = torch.tensor((x - x.mean()) / x.std(), dtype=torch.float32), torch.tensor(y)
order = torch.randperm(len(x))
train = DataLoader(TensorDataset(x[order[:1440]], y[order[:1440]]), batch_size=16, shuffle=True)
test = DataLoader(TensorDataset(x[order[1440:]], y[order[1440:]]), batch_size=119)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = optim.lr_scheduler.StepLR(optimizer, 4, gamma=0.5)
criterion = nn.CrossEntropyLoss()
model, optimizer, train, test = accelerator.prepare(model, optimizer, train, test)
for epoch in range(8):
    model.train()
    total = 0.0
    for inputs, targets in train:
        with accelerator.accumulate(model):
            loss = criterion(model(inputs), targets)
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
            total += loss.item()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        right = sum((model(a).argmax(1) == b).sum().item() for a, b in test)
    accelerator.print(epoch, total / len(train), right / (len(x) - 1440))
