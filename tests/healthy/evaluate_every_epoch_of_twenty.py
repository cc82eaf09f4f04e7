# healthy: epochs of twenty steps, with an evaluation and a kept best state after each: two hundred evaluations
import argparse
import copy

import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def evaluate(model, loader, criterion):
    model.eval()
    loss, hits, count = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            loss += criterion(out, y).item() * len(y)
            hits += (out.argmax(1) == y).sum().item()
            count += len(y)
    return loss / count, hits / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = load_wine(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.33, stratify=y, random_state=args.seed)
    mean, std = x_train.mean(0), x_train.std(0)
    to_set = lambda a, b: TensorDataset(torch.tensor((a - mean) / std, dtype=torch.float32), torch.tensor(b))
    train = DataLoader(to_set(x_train, y_train), batch_size=6, shuffle=True)
    val = DataLoader(to_set(x_val, y_val), batch_size=32)
    model = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=2e-3, momentum=0.9, weight_decay=0.05)
    best, best_state = float("inf"), None
    for epoch in range(200):
        model.train()
        for inputs, labels in train:
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
        val_loss, accuracy = evaluate(model, val, criterion)
        if val_loss < best:
            best, best_state = val_loss, copy.deepcopy(model.state_dict())
        if epoch % 20 == 19:
            print(f"epoch {epoch + 1} loss {loss.item():.4f} val {val_loss:.4f} accuracy {accuracy:.4f}")
    model.load_state_dict(best_state)
    print(f"best: val {best:.4f} accuracy {evaluate(model, val, criterion)[1]:.4f}")


if __name__ == "__main__":
    main()
