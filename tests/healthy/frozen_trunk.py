# healthy: a trunk is pre-trained on one task, then frozen on purpose (requires_grad False, eval
# mode, not in the second optimizer) while a new head is trained on other classes
import argparse

import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset


def conv_block(cin, cout):
    return nn.Sequential(
        nn.Conv2d(cin, cout, 3, padding=1, bias=False),
        nn.BatchNorm2d(cout),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
    )


def make_loaders(classes, seed):
    digits = load_digits()
    keep = [i for i, t in enumerate(digits.target) if t in classes]
    x = torch.tensor(digits.images[keep], dtype=torch.float32).unsqueeze(1) / 8 - 1
    y = torch.tensor([classes.index(t) for t in digits.target[keep]])
    perm = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
    cut = int(0.8 * len(x))
    train = TensorDataset(x[perm[:cut]], y[perm[:cut]])
    val = TensorDataset(x[perm[cut:]], y[perm[cut:]])
    return DataLoader(train, batch_size=32, shuffle=True, drop_last=True), DataLoader(val, 100)


def validate(trunk, head, loader):
    trunk.eval()
    head.eval()
    correct = 0
    with torch.no_grad():
        for x, y in loader:
            correct += (head(trunk(x)).argmax(1) == y).sum().item()
    return correct / len(loader.dataset)


def fit(trunk, head, params, loaders, epochs, lr, finetune_trunk):
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(params, lr=lr)
    train_loader, val_loader = loaders
    for epoch in range(epochs):
        trunk.train(finetune_trunk)
        head.train()
        running = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(head(trunk(x)), y)
            loss.backward()
            optimizer.step()
            running += loss.item()
        acc = validate(trunk, head, val_loader)
        print(f"  epoch {epoch + 1}: loss {running / len(train_loader):.4f} val acc {acc:.4f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    trunk = nn.Sequential(conv_block(1, 16), conv_block(16, 32), nn.Flatten())
    source_head = nn.Linear(128, 6)
    print("pre-training on digits 0-5")
    params = list(trunk.parameters()) + list(source_head.parameters())
    fit(trunk, source_head, params, make_loaders([0, 1, 2, 3, 4, 5], args.seed), 6, 1e-3, True)

    for p in trunk.parameters():
        p.requires_grad = False
    target_head = nn.Linear(128, 4)
    print("training a new head on digits 6-9")
    loaders = make_loaders([6, 7, 8, 9], args.seed)
    fit(trunk, target_head, target_head.parameters(), loaders, 12, 3e-3, False)


if __name__ == "__main__":
    main()
