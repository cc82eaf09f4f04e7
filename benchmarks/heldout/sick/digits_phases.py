# expect: evaluation-in-train-mode
# note: the shared phase function switches to train mode for validation too: dropout and batch
#   norm stay active
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, n_in, n_out, p=0.6):
        super().__init__()
        self.fc1 = nn.Linear(n_in, 64, bias=False)
        self.bn1 = nn.BatchNorm1d(64)
        self.fc2 = nn.Linear(64, 64)
        self.drop = nn.Dropout(p)
        self.fc3 = nn.Linear(64, n_out)

    def forward(self, x):
        x = torch.relu(self.bn1(self.fc1(x)))
        x = torch.relu(self.fc2(self.drop(x)))
        return self.fc3(self.drop(x))


class Experiment:
    def __init__(self, seed):
        torch.manual_seed(seed)
        x, y = load_digits(return_X_y=True)
        xtr, xva, ytr, yva = train_test_split(x, y, test_size=0.3, random_state=seed)
        mu, sd = xtr.mean(0), xtr.std(0) + 1e-2
        pack = [((xtr - mu) / sd, ytr), ((xva - mu) / sd, yva)]
        sets = [TensorDataset(torch.tensor(a).float(), torch.tensor(b)) for a, b in pack]
        self.loaders = {
            "train": DataLoader(sets[0], batch_size=64, shuffle=True),
            "val": DataLoader(sets[1], batch_size=64),
        }
        self.net = Net(64, 10)
        self.opt = torch.optim.Adam(self.net.parameters(), lr=2e-3)
        self.loss = nn.CrossEntropyLoss()

    def phase(self, name):
        is_train = name == "train"
        self.net.train()  # fault
        loss_sum, correct, count = 0.0, 0, 0
        for xb, yb in self.loaders[name]:
            with torch.set_grad_enabled(is_train):
                out = self.net(xb)  # fault
                loss = self.loss(out, yb)
            if is_train:
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
            loss_sum += loss.item() * len(yb)
            correct += (out.argmax(1) == yb).sum().item()
            count += len(yb)
        return loss_sum / count, correct / count

    def run(self, epochs):
        for epoch in range(epochs):
            for name in ("train", "val"):
                loss, acc = self.phase(name)
                print(f"epoch {epoch} {name:5s} loss {loss:.3f} acc {acc:.3f}")


if __name__ == "__main__":
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=0)
    torch.set_num_threads(1)
    Experiment(cli.parse_args().seed).run(14)
