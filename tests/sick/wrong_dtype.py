# expect: wrong-dtype
# note: the features come out of numpy as float64, the layers are float32; the first call raises
# mend: data.data.std(axis=0)) -> data.data.std(axis=0)).float()
import argparse

import numpy as np
import torch
from sklearn.datasets import load_diabetes
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def load(seed):
    data = load_diabetes()
    order = np.random.default_rng(seed).permutation(len(data.target))
    x = torch.from_numpy(data.data[order] / data.data.std(axis=0))  # fault
    y = torch.from_numpy(data.target[order].astype(np.float32))
    return TensorDataset(x[:350], y[:350]), TensorDataset(x[350:], y[350:])


class Regressor(nn.Module):
    def __init__(self, n_features, width=32):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_features, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, x):
        return self.body(x).squeeze(1)  # fault


def main(seed, epochs=20):
    torch.manual_seed(seed)
    train, val = load(seed)
    model = Regressor(train.tensors[0].shape[1])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    criterion = nn.MSELoss()
    for epoch in range(epochs):
        model.train()
        for x, y in DataLoader(train, batch_size=25, shuffle=True):
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            error = (model(val.tensors[0]) - val.tensors[1]).abs().mean().item()
        print(f"epoch {epoch} mean absolute error {error:.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    main(parser.parse_args().seed)
