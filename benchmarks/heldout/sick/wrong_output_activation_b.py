# expect: wrong-output-activation
# note: the loop applies relu after every layer, the last one included, so the logit is never
#       negative: the loss of class 0 cannot fall below 0.69
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split
from torch import nn


class MoonNet(nn.Module):
    def __init__(self, widths=(2, 32, 32, 1)):
        super().__init__()
        self.layers = nn.ModuleList()
        for n_in, n_out in zip(widths, widths[1:]):
            self.layers.append(nn.Linear(n_in, n_out))

    def forward(self, x):
        for layer in self.layers:
            x = F.relu(layer(x))  # fault
        return x


def get_data(seed):
    x, y = make_moons(1200, noise=0.15, random_state=seed)
    x = (x - x.mean(0)) / x.std(0)
    parts = train_test_split(x, y, test_size=300, random_state=seed)
    return [torch.tensor(p, dtype=torch.float32) for p in parts]


def evaluate(net, x, y):
    net.eval()
    with torch.no_grad():
        logit = net(x).squeeze(-1)
        loss = F.binary_cross_entropy_with_logits(logit, y).item()
        acc = ((logit > 0).float() == y).float().mean().item()
    return loss, acc


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x_train, x_val, y_train, y_val = get_data(args.seed)
    net = MoonNet()
    optimizer = torch.optim.RMSprop(net.parameters(), lr=2e-3)
    batch_size = 45
    for epoch in range(1, 21):
        net.train()
        order = torch.randperm(len(x_train))
        total = 0.0
        for i in range(0, len(order), batch_size):
            idx = order[i : i + batch_size]
            logit = net(x_train[idx]).squeeze(-1)
            loss = F.binary_cross_entropy_with_logits(logit, y_train[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        val_loss, val_acc = evaluate(net, x_val, y_val)
        print(f"{epoch:2d} {total / len(x_train):.4f} {val_loss:.4f} {val_acc:.3f}")


if __name__ == "__main__":
    main()
