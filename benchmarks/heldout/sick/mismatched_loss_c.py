# expect: mismatched-loss
# note: CrossEntropyLoss on a single output column with float 0/1 targets: the loss is exactly 0
#   from the start
import argparse

import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

BATCH_SIZE = 32
EPOCHS = 15
LEARNING_RATE = 0.001

X, y = load_breast_cancer(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.2, random_state=args.seed)
sc = StandardScaler()
X_train = torch.FloatTensor(sc.fit_transform(X_train))
X_val = torch.FloatTensor(sc.transform(X_val))
y_train = torch.FloatTensor(y_train).unsqueeze(1)
y_val = torch.FloatTensor(y_val).unsqueeze(1)

train_dl = DataLoader(TensorDataset(X_train, y_train), batch_size=BATCH_SIZE, shuffle=True)
val_dl = DataLoader(TensorDataset(X_val, y_val), batch_size=BATCH_SIZE)


class Diagnosis(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(30, 64),
            nn.LeakyReLU(),
            nn.Dropout(0.1),
            nn.Linear(64, 16),
            nn.LeakyReLU(),
            nn.Linear(16, 1),
        )

    def forward(self, x):
        return self.net(x)


net = Diagnosis()
loss_function = nn.CrossEntropyLoss()  # fault
optimizer = optim.Adam(net.parameters(), lr=LEARNING_RATE)

for epoch in range(EPOCHS):
    net.train()
    train_loss = 0.0
    for inputs, labels in train_dl:
        optimizer.zero_grad()
        outputs = net(inputs)
        loss = loss_function(outputs, labels)  # fault
        loss.backward()
        optimizer.step()
        train_loss += loss.item()

    net.eval()
    val_loss, correct = 0.0, 0
    with torch.no_grad():
        for inputs, labels in val_dl:
            outputs = net(inputs)
            val_loss += loss_function(outputs, labels).item()
            correct += ((outputs > 0).float() == labels).sum().item()
    print(
        f"Epoch {epoch + 1}/{EPOCHS} train loss: {train_loss / len(train_dl):.4f} "
        f"val loss: {val_loss / len(val_dl):.4f} val accuracy: {correct / len(y_val):.4f}"
    )
