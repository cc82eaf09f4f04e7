# expect: misstepped-scheduler
# accept: lr-decays-early
# note: a decay of 0.9 meant per epoch is applied per batch; the rate is gone after two epochs
# mend: optimizer.step()\n                scheduler.step()  # fault -> optimizer.step()
# mend: va_loss, va_acc = run_epoch( -> scheduler.step()\n        va_loss, va_acc = run_epoch(
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split


def conv_net():
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(96, 10),
    )


def run_epoch(model, loader, loss_fn, optimizer=None, scheduler=None):
    model.train(optimizer is not None)
    loss_sum, hits, n = 0.0, 0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for images, labels in loader:
            logits = model(images)
            loss = loss_fn(logits, labels)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                scheduler.step()  # fault
            loss_sum += loss.item() * len(labels)
            hits += (logits.argmax(1) == labels).sum().item()
            n += len(labels)
    return loss_sum / n, hits / n


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--epochs", type=int, default=16)
    opts = ap.parse_args()
    torch.manual_seed(opts.seed)
    torch.set_num_threads(1)

    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1)
    images = (images - images.mean()) / images.std()
    data = TensorDataset(images, torch.tensor(digits.target))
    split = torch.Generator().manual_seed(3)
    train_set, val_set = random_split(data, [1397, 400], generator=split)
    train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=200)

    model = conv_net()
    loss_fn = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.85)  # fault
    for epoch in range(opts.epochs):
        tr_loss, tr_acc = run_epoch(model, train_loader, loss_fn, optimizer, scheduler)
        va_loss, va_acc = run_epoch(model, val_loader, loss_fn)
        print(f"{epoch + 1}: train {tr_loss:.3f}/{tr_acc:.3f} val {va_loss:.3f}/{va_acc:.3f}")
