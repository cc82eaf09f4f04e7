# expect: vanishing-gradient
# accept: saturating-activation, badly-scaled-init, unstable-depth, saturated-activation,
#   collapsed-prediction, tiny-updates, loss-flat
# note: nine sigmoid layers with default initialisation; the gradient shrinks by orders of
#   magnitude and the loss stays at chance
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn


class DeepNet(nn.Module):
    def __init__(self, n_in, n_out, width=50, depth=9):
        super().__init__()
        sizes = [n_in] + [width] * depth
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.output = nn.Linear(width, n_out)

    def forward(self, x):
        for layer in self.hidden:
            x = torch.sigmoid(layer(x))  # fault
        return self.output(x)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--lr", type=float, default=0.05)
args = parser.parse_args()
torch.manual_seed(args.seed)

X, y = load_digits(return_X_y=True)
X = torch.tensor((X - X.mean()) / X.std(), dtype=torch.float32)
y = torch.tensor(y)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, random_state=args.seed)

model = DeepNet(64, 10)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)

print("epoch,train_loss,val_loss,val_acc")
for epoch in range(12):
    model.train()
    losses = []
    for idx in torch.randperm(len(X_train)).split(32):
        loss = criterion(model(X_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    model.eval()
    with torch.no_grad():
        logits = model(X_val)
    acc = (logits.argmax(1) == y_val).float().mean()
    print(f"{epoch},{torch.stack(losses).mean():.4f},{criterion(logits, y_val):.4f},{acc:.4f}")
