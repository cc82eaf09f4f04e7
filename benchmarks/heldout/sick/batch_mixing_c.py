# expect: batch-mixing
# accept: wrong-layout, batched-differs
# note: the LSTM lacks batch_first, so (batch, time, features) runs along the batch; samples see
#   one another
import argparse

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def gestures(n, rng, steps=24):
    """Three accelerometer axes; the class is the order of two bumps and their axis."""
    x = 0.3 * rng.standard_normal((n, steps, 3))
    y = rng.integers(0, 6, n)
    t = np.arange(steps)
    for i, c in enumerate(y):
        first, second = [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)][c]
        a, b = rng.uniform(4, 9), rng.uniform(14, 20)
        x[i, :, first] += 1.5 * np.exp(-((t - a) ** 2) / 4)
        x[i, :, second] += 1.5 * np.exp(-((t - b) ** 2) / 4)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


class LSTMClassifier(nn.Module):
    def __init__(self, input_dim, hidden_dim, layer_dim, output_dim):
        super().__init__()
        self.lstm = nn.LSTM(input_dim, hidden_dim, layer_dim)  # fault
        self.fc = nn.Linear(hidden_dim, output_dim)

    def forward(self, x):
        out, (hn, cn) = self.lstm(x)
        return self.fc(out[:, -1, :])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)

    train_dl = DataLoader(TensorDataset(*gestures(1500, rng)), batch_size=50, shuffle=True)
    val_dl = DataLoader(TensorDataset(*gestures(300, rng)), batch_size=50)
    model = LSTMClassifier(3, 40, 1, 6)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.003)

    iteration = 0
    for epoch in range(12):
        for samples, labels in train_dl:
            model.train()
            optimizer.zero_grad()
            loss = criterion(model(samples), labels)
            loss.backward()
            optimizer.step()
            iteration += 1
            if iteration % 60 == 0:
                model.eval()
                correct = total = 0
                with torch.no_grad():
                    for xs, ys in val_dl:
                        predicted = torch.max(model(xs), 1)[1]
                        correct += (predicted == ys).sum().item()
                        total += ys.size(0)
                print(f"Iteration: {iteration}. Loss: {loss.item():.3f}. "
                      f"Accuracy: {100 * correct / total:.1f}")


if __name__ == "__main__":
    main()
