# expect: logits-as-probabilities
# accept: negated-loss
# note: raw outputs of the last linear layer enter NLLLoss, which wants log-probabilities; the loss
#       starts near 0 and runs to minus infinity while accuracy stays poor
# mend: nn.NLLLoss() -> nn.CrossEntropyLoss()
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class MLP(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes[:-1], sizes[1:]))
        self.act = nn.GELU()

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = self.act(layer(x))
        return self.layers[-1](x)  # fault


def get_loaders(seed, batch_size=50):
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    x, y = x[order] / 16.0, y[order]
    mean, std = x[:1400].mean(), x[:1400].std()
    x = torch.tensor((x - mean) / std, dtype=torch.float32)
    y = torch.tensor(y)
    train = TensorDataset(x[:1400], y[:1400])
    valid = TensorDataset(x[1400:], y[1400:])
    return DataLoader(train, batch_size, shuffle=True), DataLoader(valid, batch_size)


def run_epoch(model, loader, loss_fn, optimizer=None):
    training = optimizer is not None
    model.train(training)
    loss_sum, correct, count = 0.0, 0, 0
    with torch.set_grad_enabled(training):
        for x, y in loader:
            out = model(x)
            loss = loss_fn(out, y)  # fault
            if training:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            loss_sum += loss.item() * len(y)
            correct += (out.argmax(-1) == y).sum().item()
            count += len(y)
    return loss_sum / count, correct / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    train_loader, valid_loader = get_loaders(args.seed)
    model = MLP([64, 80, 40, 10])
    loss_fn = nn.NLLLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(args.epochs):
        tl, ta = run_epoch(model, train_loader, loss_fn, optimizer)
        vl, va = run_epoch(model, valid_loader, loss_fn)
        print(f"epoch {epoch}: train {tl:.3f} / {ta:.3f}   valid {vl:.3f} / {va:.3f}")


if __name__ == "__main__":
    main()
