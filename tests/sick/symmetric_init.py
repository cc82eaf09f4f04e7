# expect: symmetric-init
# note: all weights of a layer start equal, so its units get equal gradients and stay copies
# mend: nn.init.constant_(module.weight, 1.0 / module.in_features) -> nn.init.xavier_uniform_(module.weight)
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def init_weights(module):
    if isinstance(module, nn.Linear):
        nn.init.constant_(module.weight, 1.0 / module.in_features)  # fault
        nn.init.zeros_(module.bias)


class MLP(nn.Module):
    def __init__(self, sizes=(64, 64, 32, 10)):
        super().__init__()
        self.fc1 = nn.Linear(sizes[0], sizes[1])
        self.fc2 = nn.Linear(sizes[1], sizes[2])
        self.fc3 = nn.Linear(sizes[2], sizes[3])
        self.apply(init_weights)

    def forward(self, x):
        x = nn.functional.leaky_relu(self.fc1(x))
        x = nn.functional.leaky_relu(self.fc2(x))
        return self.fc3(x)


def get_loaders(seed, batch_size=32):
    x, y = load_digits(return_X_y=True)
    x = (x - x.mean()) / x.std()
    x_tr, x_va, y_tr, y_va = train_test_split(x, y, test_size=0.2, stratify=y, random_state=seed)
    train = TensorDataset(torch.tensor(x_tr, dtype=torch.float32), torch.tensor(y_tr))
    val = TensorDataset(torch.tensor(x_va, dtype=torch.float32), torch.tensor(y_va))
    return DataLoader(train, batch_size=batch_size, shuffle=True), DataLoader(val, batch_size=120)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    train_loader, val_loader = get_loaders(args.seed)
    model = MLP()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(10):
        model.train()
        running_loss, seen = 0.0, 0
        for inputs, targets in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            running_loss += loss.item() * len(targets)
            seen += len(targets)
        model.eval()
        correct = total = 0
        with torch.no_grad():
            for inputs, targets in val_loader:
                correct += (model(inputs).argmax(dim=1) == targets).sum().item()
                total += len(targets)
        print(f"epoch {epoch} train_loss {running_loss / seen:.4f} val_acc {correct / total:.4f}")


if __name__ == "__main__":
    main()
