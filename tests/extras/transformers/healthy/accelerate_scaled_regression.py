# healthy: regression with accelerate, the plateau schedule not prepared, state saved and loaded once
import torch
from accelerate import Accelerator
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(10, 16), nn.SiLU(), nn.Linear(16, 1))

    def forward(self, x):
        return self.layers(x).squeeze(-1)


def evaluate(model, loader, accelerator):
    model.eval()
    errors = []
    with torch.inference_mode():
        for x, y in loader:
            errors.append(accelerator.gather_for_metrics((model(x) - y) ** 2))
    return torch.cat(errors).mean().item()


torch.manual_seed(1)
x, y = load_diabetes(return_X_y=True)
x = torch.tensor(x / x.std(0), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)
order = torch.randperm(len(x))
train = DataLoader(TensorDataset(x[order[:350]], y[order[:350]]), batch_size=25, shuffle=True)
val = DataLoader(TensorDataset(x[order[350:]], y[order[350:]]), batch_size=92)
accelerator = Accelerator(cpu=True)
model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-3)
plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2)
model, optimizer, train, val = accelerator.prepare(model, optimizer, train, val)
for epoch in range(12):
    model.train()
    for inputs, targets in train:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(inputs), targets)
        accelerator.backward(loss)
        optimizer.step()
    error = evaluate(model, val, accelerator)
    plateau.step(error)
    print(f"{epoch:2d} {error:.4f}")
    if epoch == 5:
        accelerator.save_state("half-way")
        accelerator.load_state("half-way")
