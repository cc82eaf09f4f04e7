# expect: missing-nonlinearity
# note: convolutions, average pooling and a linear layer follow each other without any activation,
#       so the whole net is linear and cannot tell frequencies apart when the phase is random
import argparse

import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=10)
args = parser.parse_args()
torch.manual_seed(args.seed)
np.random.seed(args.seed)
torch.set_num_threads(1)

N_SAMPLES = 64
TONES = [3.0, 5.0, 8.0]


def tone_dataset(n):
    cls = np.random.randint(len(TONES), size=n)
    freq = np.array(TONES)[cls] + np.random.uniform(-0.4, 0.4, n)
    phase = np.random.uniform(0, 2 * np.pi, n)
    t = np.linspace(0, 1, N_SAMPLES)
    sig = np.sqrt(2) * np.sin(2 * np.pi * freq[:, None] * t + phase[:, None])
    sig += 0.3 * np.random.randn(n, N_SAMPLES)
    return TensorDataset(torch.from_numpy(sig).float().unsqueeze(1), torch.from_numpy(cls))


net = nn.Sequential(
    nn.Conv1d(1, 16, 7, padding=3),
    nn.AvgPool1d(2),  # fault
    nn.Conv1d(16, 24, 5, padding=2),  # fault
    nn.AvgPool1d(2),  # fault
    nn.Flatten(),
    nn.Linear(24 * 16, 32),  # fault
    nn.Dropout(0.1),
    nn.Linear(32, len(TONES)),  # fault
)
train_dl = DataLoader(tone_dataset(960), batch_size=32, shuffle=True)
valid_dl = DataLoader(tone_dataset(240), batch_size=80)
opt = optim.RMSprop(net.parameters(), lr=1e-3)
ce = nn.CrossEntropyLoss()

for epoch in range(args.epochs):
    net.train()
    train_loss = 0.0
    for xb, yb in train_dl:
        opt.zero_grad()
        loss = ce(net(xb), yb)
        loss.backward()
        opt.step()
        train_loss += loss.item() * len(xb)
    net.eval()
    with torch.no_grad():
        hits = sum((net(xb).argmax(1) == yb).sum().item() for xb, yb in valid_dl)
    print(f"epoch {epoch}  train loss {train_loss / 960:.4f}  valid acc {hits / 240:.4f}")
