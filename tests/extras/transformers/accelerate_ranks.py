"""An ordinary program with accelerate, for `torchrun --nproc-per-node 2`."""

import hashlib

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

accelerator = Accelerator(cpu=True)
set_seed(0)
g = torch.Generator().manual_seed(1)
x = torch.randn(512, 8, generator=g)
y = (x @ torch.randn(8, 3, generator=g)).argmax(1)
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
train = DataLoader(TensorDataset(x[:400], y[:400]), 25, shuffle=True)
val = DataLoader(TensorDataset(x[400:], y[400:]), 56)
model, optimizer, train, val = accelerator.prepare(model, optimizer, train, val)
for epoch in range(6):
    model.train()
    for a, b in train:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(a), b)
        accelerator.backward(loss)
        optimizer.step()
    model.eval()
    right = 0
    with torch.no_grad():
        for a, b in val:
            p, t = accelerator.gather_for_metrics((model(a).argmax(1), b))
            right += (p == t).sum().item()
    accelerator.print("epoch", epoch, right)
if accelerator.is_main_process:
    weights = torch.cat([p.detach().flatten() for p in model.parameters()])
    print("fingerprint", hashlib.sha256(weights.numpy().tobytes()).hexdigest(), flush=True)
