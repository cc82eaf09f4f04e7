# expect: retained-graph
# note: the running loss is summed as a tensor and never reset, so every step's graph stays alive;
#   memory and object count grow with each step while the training itself is fine
import argparse

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Classifier(nn.Module):
    def __init__(self, n_in=30, width=32, depth=3):
        super().__init__()
        blocks = []
        for i in range(depth):
            blocks += [nn.Linear(n_in if i == 0 else width, width), nn.ELU()]
        self.body = nn.Sequential(*blocks)
        self.head = nn.Linear(width, 2)

    def forward(self, x):
        return self.head(self.body(x))


def get_data():
    data = load_breast_cancer()
    x_train, x_val, y_train, y_val = train_test_split(
        data.data, data.target, test_size=0.25, stratify=data.target, random_state=4
    )
    scaler = StandardScaler().fit(x_train)
    to_x = lambda a: torch.as_tensor(scaler.transform(a), dtype=torch.float32)  # noqa: E731
    train = TensorDataset(to_x(x_train), torch.as_tensor(y_train))
    return train, (to_x(x_val), torch.as_tensor(y_val))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--lr", type=float, default=0.005)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    train, (x_val, y_val) = get_data()
    loader = DataLoader(train, batch_size=32, shuffle=True)
    model = Classifier()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=1e-2)
    total_loss, steps = 0, 0
    for epoch in range(args.epochs):
        model.train()
        for x, y in loader:
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total_loss += loss  # fault
            steps += 1
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            val_loss = criterion(logits, y_val).item()
            acc = (logits.argmax(1) == y_val).float().mean().item()
        mean = total_loss / steps
        print(f"epoch {epoch:2d} mean loss so far {mean:.4f} val {val_loss:.4f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
