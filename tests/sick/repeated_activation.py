# expect: repeated-activation
# note: each block already ends in a sigmoid and forward applies a second one, so the hidden units
#       only reach 0.5 to 0.73; it learns much more slowly than with one
# mend: h = torch.sigmoid(self.block1(x)) -> h = self.block1(x)
# mend: h = torch.sigmoid(self.block2(h)) -> h = self.block2(h)
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
np.random.seed(args.seed)
torch.set_num_threads(1)


def block(n_in, n_out):
    return nn.Sequential(nn.Linear(n_in, n_out), nn.Sigmoid())


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.block1 = block(64, 96)
        self.block2 = block(96, 48)
        self.head = nn.Linear(48, 10)

    def forward(self, x):
        h = torch.sigmoid(self.block1(x))  # fault
        h = torch.sigmoid(self.block2(h))  # fault
        return self.head(h)


images, labels = load_digits(return_X_y=True)
images = (images.astype(np.float32) / 16 - 0.305) / 0.376
x_tr, x_va, y_tr, y_va = train_test_split(
    images, labels, test_size=0.25, stratify=labels, random_state=args.seed
)
train_loader = DataLoader(
    TensorDataset(torch.from_numpy(x_tr), torch.from_numpy(y_tr)), batch_size=64, shuffle=True
)
val_loader = DataLoader(
    TensorDataset(torch.from_numpy(x_va), torch.from_numpy(y_va)), batch_size=150
)

model = Classifier()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(20):
    model.train()
    losses = []
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    hits = 0
    with torch.no_grad():
        for x, y in val_loader:
            hits += (model(x).argmax(1) == y).sum().item()
    print(f"[{epoch + 1:02d}] train {np.mean(losses):.3f}  val accuracy {hits / len(y_va):.3f}")
