# expect-note: elementwise-dropout-in-conv
# note: nn.Dropout acts on feature maps, where neighbours carry what was dropped; trains well
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn, optim


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, 1, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, 1, padding=1)
        self.dropout = nn.Dropout(0.15)  # fault
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(32 * 4, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.dropout(x)  # fault
        x = self.pool(torch.relu(self.conv2(x)))
        return torch.log_softmax(self.fc(torch.flatten(x, 1)), dim=1)


def train(args, model, x, y, optimizer, epoch):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x)).split(args.batch_size):
        optimizer.zero_grad()
        loss = nn.functional.nll_loss(model(x[idx]), y[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    print(f"Train Epoch: {epoch}\tLoss: {total / len(x):.6f}")


def test(model, x, y):
    model.eval()
    with torch.no_grad():
        output = model(x)
        loss = nn.functional.nll_loss(output, y).item()
        correct = (output.argmax(dim=1) == y).sum().item()
    print(f"Test set: Average loss: {loss:.4f}, Accuracy: {correct}/{len(y)}")


def main():
    parser = argparse.ArgumentParser(description="PyTorch digits example")
    parser.add_argument("--batch-size", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--lr", type=float, default=1.0)
    parser.add_argument("--gamma", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    data = load_digits()
    images = torch.tensor(data.images, dtype=torch.float32).unsqueeze(1)
    images = (images / 16 - 0.305) / 0.376
    labels = torch.tensor(data.target)
    order = torch.randperm(len(labels))
    train_rows, test_rows = order[:1400], order[1400:]

    model = Net()
    optimizer = optim.Adadelta(model.parameters(), lr=args.lr)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=args.gamma)
    for epoch in range(1, args.epochs + 1):
        train(args, model, images[train_rows], labels[train_rows], optimizer, epoch)
        test(model, images[test_rows], labels[test_rows])
        scheduler.step()


if __name__ == "__main__":
    main()
