# expect: too-small-batch
# accept: noisy-loss, noisy-gradient, lr-too-high, stopped-early
# note: batch size 1 with a rate fit for 32; the loss stays high and jumps from step to step
# mend: default=1) -> default=32)
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, TensorDataset


def batches(dataset, batch_size, steps):
    sampler = RandomSampler(dataset, replacement=True, num_samples=steps * batch_size)
    return DataLoader(dataset, batch_size=batch_size, sampler=sampler)  # fault


class MLP(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Linear(n_in, n_out) for n_in, n_out in zip(sizes, sizes[1:], strict=False)
        )

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = nn.functional.gelu(layer(x))
        return self.layers[-1](x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch-size", type=int, default=1)  # fault
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--steps-per-epoch", type=int, default=50)
    args = parser.parse_args()
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x, y = load_digits(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=0.25, stratify=y, random_state=10
    )
    center, scale = x_train.mean(), x_train.std()
    x_train = torch.tensor((x_train - center) / scale, dtype=torch.float32)
    x_val = torch.tensor((x_val - center) / scale, dtype=torch.float32)
    y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)
    train_set = TensorDataset(x_train, y_train)

    model = MLP([64, 64, 64, 10])
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.01)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        model.train()
        losses = []
        for xb, yb in batches(train_set, args.batch_size, args.steps_per_epoch):
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            val_loss = criterion(logits, y_val).item()
            acc = (logits.argmax(1) == y_val).float().mean().item()
        mean, spread = np.mean(losses), np.std(losses)
        print(f"epoch {epoch:2d} loss {mean:.3f} ({spread:.3f}) val {val_loss:.3f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
