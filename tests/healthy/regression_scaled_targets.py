# healthy: house-price-like targets of several hundred thousand, standardised with training
# statistics before fitting and scaled back for the reported error; ReduceLROnPlateau watches
# validation loss
import argparse

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
np.random.seed(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(1)

# ---------------------------------------------------------------- data
n = 1600
area = np.random.gamma(6, 20, n)
rooms = np.clip(np.round(area / 25 + np.random.randn(n)), 1, 9)
age = np.random.uniform(0, 90, n)
distance = np.random.exponential(6, n)
garden = (np.random.rand(n) < 0.4).astype(float)
price = (
    90_000
    + 2_600 * area * np.exp(-distance / 25)
    + 6_000 * rooms
    - 55 * np.minimum(age, 60) ** 1.6
    + 38_000 * garden * (distance > 4)
    + 18_000 * np.random.randn(n)
)
features = np.column_stack([area, rooms, age, distance, garden])

X_train, X_test, y_train, y_test = train_test_split(
    features, price, test_size=0.25, random_state=args.seed
)
x_scaler, y_scaler = StandardScaler(), StandardScaler()
X_train = x_scaler.fit_transform(X_train)
X_test = x_scaler.transform(X_test)
y_train = y_scaler.fit_transform(y_train.reshape(-1, 1))
y_test_scaled = y_scaler.transform(y_test.reshape(-1, 1))


def tensor(a):
    return torch.as_tensor(a, dtype=torch.float32)


train_loader = DataLoader(TensorDataset(tensor(X_train), tensor(y_train)), 40, shuffle=True)
X_test, y_test_scaled = tensor(X_test), tensor(y_test_scaled)

# ---------------------------------------------------------------- model
model = nn.Sequential(nn.Linear(5, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1))
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=2)

# ---------------------------------------------------------------- training
for epoch in range(16):
    model.train()
    total = 0.0
    for xb, yb in train_loader:
        pred = model(xb)
        loss = loss_fn(pred, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)

    model.eval()
    with torch.no_grad():
        pred = model(X_test)
        val_loss = loss_fn(pred, y_test_scaled).item()
    scheduler.step(val_loss)
    mae = np.abs(y_scaler.inverse_transform(pred.numpy())[:, 0] - y_test).mean()
    print(f"Epoch {epoch + 1:2d}  train {total / len(X_train):.4f}  val {val_loss:.4f}  "
          f"MAE {mae:,.0f}  lr {optimizer.param_groups[0]['lr']:.1e}")

rmse = np.sqrt(val_loss) * y_scaler.scale_[0]
print(f"RMSE {rmse:,.0f} of a spread of {y_test.std():,.0f}")
