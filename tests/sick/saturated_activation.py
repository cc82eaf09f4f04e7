# expect: unscaled-input
# accept: saturated-activation, vanishing-gradient
# note: the raw chemical values, from 0.1 to 1700, enter tanh units; almost all sit at -1 or 1 for
#   all samples and the loss hardly falls
# mend: x_val = torch.tensor(x_val -> mean, std = x_train.mean(0), x_train.std(0)\n    x_val = torch.tensor(x_val
# mend: loader = DataLoader( -> x_train, x_val = (x_train - mean) / std, (x_val - mean) / std\n    loader = DataLoader(
import argparse

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=40)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    wine = load_wine()
    x_train, x_val, y_train, y_val = train_test_split(
        wine.data, wine.target, test_size=0.3, stratify=wine.target, random_state=7
    )
    x_train = torch.tensor(x_train, dtype=torch.float32)  # fault
    x_val = torch.tensor(x_val, dtype=torch.float32)
    y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)
    loader = DataLoader(TensorDataset(x_train, y_train), batch_size=16, shuffle=True)

    model = nn.Sequential(
        nn.Linear(13, 24),
        nn.Tanh(),  # fault
        nn.Linear(24, 24),
        nn.Tanh(),
        nn.Linear(24, 3),
    )
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for epoch in range(args.epochs):
        model.train()
        epoch_loss = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item() * len(y)
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            val_loss = criterion(logits, y_val).item()
            acc = (logits.argmax(1) == y_val).float().mean().item()
        if epoch % 4 == 3:
            print(
                f"epoch {epoch + 1}: train {epoch_loss / len(x_train):.4f} "
                f"val {val_loss:.4f} accuracy {acc:.3f}"
            )


if __name__ == "__main__":
    main()
