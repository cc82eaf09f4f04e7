# expect: missing-zero-grad
# note: the gradients are never cleared, so every step applies the sum of all gradients so far; the
#       loss swings and ends high
# mend: loss.backward()  # fault -> optimizer.zero_grad()\n            loss.backward()
import argparse

import torch
from sklearn.datasets import make_friedman1
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def get_data(seed):
    x, y = make_friedman1(n_samples=1300, n_features=8, noise=0.5, random_state=seed)
    x = torch.tensor((x - 0.5) * 3.46, dtype=torch.float32)
    y = torch.tensor(y, dtype=torch.float32).unsqueeze(1)
    y = (y - y[:1000].mean()) / y[:1000].std()
    return TensorDataset(x[:1000], y[:1000]), TensorDataset(x[1000:], y[1000:])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 40)
        self.b = nn.Linear(40, 40)
        self.c = nn.Linear(40, 1)

    def forward(self, x):
        x = nn.functional.silu(self.a(x))
        x = nn.functional.silu(self.b(x))
        return self.c(x)


def evaluate(model, dataset):
    model.eval()
    x, y = dataset.tensors
    with torch.no_grad():
        mse = nn.functional.mse_loss(model(x), y).item()
    return mse, 1 - mse / y.var(unbiased=False).item()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    train_set, val_set = get_data(args.seed)
    loader = DataLoader(train_set, batch_size=40, shuffle=True)
    model = Net()
    loss_fn = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

    for epoch in range(20):
        model.train()
        total = 0.0
        for x, y in loader:
            prediction = model(x)
            loss = loss_fn(prediction, y)
            loss.backward()  # fault
            optimizer.step()  # fault
            total += loss.item()
        mse, r2 = evaluate(model, val_set)
        print(f"epoch {epoch}: train {total / len(loader):.4f}, val {mse:.4f}, r2 {r2:.3f}")
