# expect: unregistered-parameters
# accept: parameters-not-in-optimizer
# note: the hidden layers sit in a plain python list, so parameters() returns only the input and
#       output layers and the hidden ones stay at their random start
# mend: self.hidden = [nn.Linear(a, b) for -> self.hidden = nn.ModuleList(nn.Linear(a, b) for
# mend: zip(dims[:-1], dims[1:])] -> zip(dims[:-1], dims[1:]))
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class DeepNet(nn.Module):
    def __init__(self, in_dim, width, depth, out_dim):
        super().__init__()
        dims = [in_dim] + [width] * depth
        self.hidden = [nn.Linear(a, b) for a, b in zip(dims[:-1], dims[1:])]  # fault
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, out_dim)

    def forward(self, x):
        for layer in self.hidden:
            x = F.leaky_relu(layer(x), 0.1)
        return self.classifier(self.norm(x))


def evaluate(model, loader):
    model.eval()
    correct = total = 0
    loss = 0.0
    with torch.inference_mode():
        for x, y in loader:
            logits = model(x)
            loss += F.cross_entropy(logits, y, reduction="sum").item()
            correct += (logits.argmax(1) == y).sum().item()
            total += y.numel()
    return loss / total, correct / total


def main(args):
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    data = load_digits()
    x = torch.tensor(data.data, dtype=torch.float32).div(16).sub(0.305).div(0.376)
    dataset = TensorDataset(x, torch.tensor(data.target))
    gen = torch.Generator().manual_seed(args.seed)
    train_ds, val_ds = random_split(dataset, [0.8, 0.2], generator=gen)
    train_loader = DataLoader(train_ds, batch_size=64, shuffle=True, drop_last=True)
    val_loader = DataLoader(val_ds, batch_size=128)

    model = DeepNet(64, 48, 5, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)  # fault
    for epoch in range(args.epochs):
        model.train()
        for x, y in train_loader:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        val_loss, val_acc = evaluate(model, val_loader)
        print(f"epoch {epoch:02d} last {loss.item():.3f} val {val_loss:.3f} acc {val_acc:.3f}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--epochs", type=int, default=14)
    p.add_argument("--lr", type=float, default=2e-3)
    main(p.parse_args())
