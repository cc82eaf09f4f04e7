# expect: parameters-not-in-optimizer
# note: the classifier is attached after the optimizer was made for the autoencoder, and the same
#       optimizer goes on; the new layer gets gradients but is never updated
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self, code=16):
        super().__init__()
        self.code = code
        self.encoder = nn.Sequential(nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, code))
        self.decoder = nn.Sequential(nn.Tanh(), nn.Linear(code, 48), nn.Tanh(), nn.Linear(48, 64))

    def reconstruct(self, x):
        return self.decoder(self.encoder(x))

    def attach_classifier(self, n_classes):
        self.classifier = nn.Sequential(nn.Tanh(), nn.Linear(self.code, n_classes))  # fault

    def forward(self, x):
        return self.classifier(self.encoder(x))


def run(net, loader, optimizer, loss_of):
    net.train()
    total, count = 0.0, 0
    for x, y in loader:
        loss = loss_of(x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        count += len(x)
    return total / count


def accuracy(net, x, y):
    net.eval()
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    digits = load_digits()
    x = (torch.tensor(digits.data, dtype=torch.float32) - 4.88) / 6.02
    y = torch.tensor(digits.target)
    perm = torch.randperm(len(x))
    x, y = x[perm], y[perm]
    loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=70, shuffle=True)

    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)  # fault
    for epoch in range(8):
        mse = run(net, loader, optimizer, lambda a, _: F.mse_loss(net.reconstruct(a), a))
        print(f"pretrain {epoch}  reconstruction error {mse:.4f}")

    net.attach_classifier(10)
    for epoch in range(14):
        ce = run(net, loader, optimizer, lambda a, b: F.cross_entropy(net(a), b))
        print(f"finetune {epoch}  loss {ce:.4f}  val acc {accuracy(net, x[1400:], y[1400:]):.4f}")


if __name__ == "__main__":
    main()
