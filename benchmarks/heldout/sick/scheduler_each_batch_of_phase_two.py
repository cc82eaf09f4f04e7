# expect: misstepped-scheduler
# accept: lr-decays-early, lr-too-low, tiny-updates
# note: the second phase steps its ExponentialLR, meant for epochs, after each batch: the rate is nothing after a few
#   hundred of its thousands of steps
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    order = torch.randperm(len(digits.target), generator=torch.Generator().manual_seed(0))
    x = ((torch.tensor(digits.data) - 4.88) / 6.02).float()[order]
    y = torch.tensor(digits.target)[order]
    loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=10, shuffle=True)
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    criterion = nn.CrossEntropyLoss()

    def epoch(labels_of, optimizer, scheduler=None):
        total = 0.0
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels_of(labels))
            loss.backward()
            optimizer.step()
            if scheduler is not None:
                scheduler.step()  # fault
            total += loss.item()
        with torch.no_grad():
            accuracy = (model(x[1400:]).argmax(1) == labels_of(y[1400:])).float().mean().item()
        print(f"loss {total / len(loader):.4f} accuracy {accuracy:.4f}")

    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(20):
        epoch(lambda labels: labels // 2, optimizer)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.002)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.95)
    for _ in range(20):
        epoch(lambda labels: labels, optimizer, scheduler)


if __name__ == "__main__":
    main()
