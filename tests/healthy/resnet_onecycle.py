# healthy: residual network with batch norm, AdamW and a OneCycle schedule stepped every batch;
# the last norm of every block starts at zero on purpose, so each block starts as the identity
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class BasicBlock(nn.Module):
    def __init__(self, cin, cout, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(cout)
        self.conv2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(cout)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Identity()
        if stride != 1 or cin != cout:
            self.shortcut = nn.Sequential(
                nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout)
            )
        nn.init.zeros_(self.bn2.weight)

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, widths=(8, 16, 32), num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU()
        )
        self.layer1 = BasicBlock(widths[0], widths[0])
        self.layer2 = BasicBlock(widths[0], widths[1], stride=2)
        self.layer3 = BasicBlock(widths[1], widths[2], stride=2)
        self.fc = nn.Linear(widths[2], num_classes)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.stem(x))))
        return self.fc(x.mean(dim=(2, 3)))


def load_data(seed):
    digits = load_digits()
    images = digits.images.astype("float32")[:, None]
    x_train, x_val, y_train, y_val = train_test_split(
        images, digits.target, test_size=400, stratify=digits.target, random_state=seed
    )
    mean, std = x_train.mean(), x_train.std()
    train = TensorDataset(torch.from_numpy((x_train - mean) / std), torch.from_numpy(y_train))
    val = TensorDataset(torch.from_numpy((x_val - mean) / std), torch.from_numpy(y_val))
    return train, val


@torch.no_grad()
def accuracy(model, loader):
    model.eval()
    hits = sum((model(x).argmax(1) == y).sum().item() for x, y in loader)
    return hits / len(loader.dataset)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    train_set, val_set = load_data(args.seed)
    train_dl = DataLoader(train_set, 64, shuffle=True, drop_last=True)
    val_dl = DataLoader(val_set, 200)
    net = ResNet()
    epochs = 8
    opt = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=1e-2)
    sched = torch.optim.lr_scheduler.OneCycleLR(
        opt, max_lr=5e-3, epochs=epochs, steps_per_epoch=len(train_dl)
    )
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for x, y in train_dl:
            loss = nn.functional.cross_entropy(net(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            total += loss.item()
        print(f"epoch {epoch}: loss {total / len(train_dl):.4f} "
              f"val acc {accuracy(net, val_dl):.3f} lr {sched.get_last_lr()[0]:.5f}")
