# expect: growing-weights
# accept: negated-loss, regularisation-dominates, loss-diverges, exploding-gradient, overfitting
# note: the penalty on the weights is subtracted; the norm of the weights grows exponentially, and
#   after a good start the predictions become extreme and the validation loss climbs
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class TwoLayer(nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.fc1 = nn.Linear(64, hidden)
        self.fc2 = nn.Linear(hidden, 10)

    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))


def l2_norm(model):
    return sum((w**2).sum() for w in (model.fc1.weight, model.fc2.weight))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--reg", type=float, default=0.03)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = load_digits(return_X_y=True)
    x = (x - 4.88) / 6.02
    x_train, x_val, y_train, y_val = train_test_split(
        torch.tensor(x, dtype=torch.float32), torch.tensor(y), test_size=0.25, random_state=17
    )
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=40, shuffle=True)
    model = TwoLayer()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(args.epochs):
        model.train()
        data_loss = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            ce = criterion(model(xb), yb)
            loss = ce - args.reg * l2_norm(model)  # fault
            loss.backward()
            optimizer.step()
            data_loss += ce.item() * len(yb)
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            val = criterion(logits, y_val).item()
            acc = (logits.argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch:2d} train {data_loss / len(y_train):.4f} val {val:.4f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
