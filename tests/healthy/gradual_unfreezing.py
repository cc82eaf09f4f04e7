# healthy: pre-training, then a new head with the body frozen, then the body's layers are unfrozen one by one
# (add_param_group), the deepest last
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


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
    body = nn.Sequential(
        nn.Sequential(nn.Linear(64, 96), nn.ReLU()),
        nn.Sequential(nn.Linear(96, 64), nn.ReLU()),
        nn.Sequential(nn.Linear(64, 48), nn.ReLU()),
    )
    criterion = nn.CrossEntropyLoss()

    def train(model, labels, optimizer, epochs):
        for _ in range(epochs):
            model.train()
            total = 0.0
            for pick in torch.randperm(1400).split(16):
                optimizer.zero_grad()
                loss = criterion(model(x[pick]), labels[pick])
                loss.backward()
                optimizer.step()
                total += loss.item()
        model.eval()
        with torch.no_grad():
            accuracy = (model(x[1400:]).argmax(1) == labels[1400:]).float().mean().item()
        print(f"loss {total / 88:.4f} accuracy {accuracy:.4f}")

    source = nn.Sequential(body, nn.Linear(48, 2))
    train(source, y % 2, torch.optim.Adam(source.parameters(), lr=1e-3), epochs=12)

    model = nn.Sequential(body, nn.Linear(48, 10))
    for p in body.parameters():
        p.requires_grad_(False)
    optimizer = torch.optim.Adam(model[1].parameters(), lr=2e-3)
    train(model, y, optimizer, epochs=8)
    for depth, layer in enumerate(reversed(body)):
        for p in layer.parameters():
            p.requires_grad_(True)
        optimizer.add_param_group({"params": list(layer.parameters()), "lr": 1e-3 / 1.6**depth})
        train(model, y, optimizer, epochs=8)


if __name__ == "__main__":
    main()
