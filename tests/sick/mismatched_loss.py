# expect: mismatched-loss
# note: the ten digit classes are fitted as one number with a squared error; the loss looks like a
#       normal regression, accuracy after rounding stays far below that of a classifier
# mend: nn.Linear(50, 1) -> nn.Linear(50, 10)
# mend: nn.MSELoss() -> nn.CrossEntropyLoss()
# mend: model(inputs).squeeze(1) -> model(inputs)
# mend: criterion(outputs, targets.float()) -> criterion(outputs, targets)
# mend: model(X_val).squeeze(1) -> model(X_val)
# mend: criterion(outputs, y_val.float()) -> criterion(outputs, y_val)
# mend: outputs.round().clamp(0, 9).long() -> outputs.argmax(1)
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--batch-size", type=int, default=64)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

# data
X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(
    X, y, test_size=0.2, random_state=args.seed, stratify=y
)
X_train = torch.tensor((X_train - 4.88) / 6.02, dtype=torch.float32)
X_val = torch.tensor((X_val - 4.88) / 6.02, dtype=torch.float32)
y_train = torch.tensor(y_train)
y_val = torch.tensor(y_val)
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=args.batch_size, shuffle=True)

# model
model = nn.Sequential(
    nn.Linear(64, 100),
    nn.ReLU(),
    nn.Linear(100, 50),
    nn.ReLU(),
    nn.Linear(50, 1),
)
criterion = nn.MSELoss()  # fault
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

# training
for epoch in range(args.epochs):
    model.train()
    epoch_loss = 0.0
    for inputs, targets in loader:
        outputs = model(inputs).squeeze(1)
        loss = criterion(outputs, targets.float())  # fault
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() * inputs.size(0)
    epoch_loss /= len(X_train)

    model.eval()
    with torch.no_grad():
        outputs = model(X_val).squeeze(1)
        val_loss = criterion(outputs, y_val.float()).item()
        predicted = outputs.round().clamp(0, 9).long()
        val_acc = (predicted == y_val).float().mean().item()
    print(f"Epoch {epoch + 1}/{args.epochs} - loss: {epoch_loss:.4f}"
          f" - val_loss: {val_loss:.4f} - val_acc: {val_acc:.4f}")
