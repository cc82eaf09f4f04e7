# source: missing normalisation, the commonest fault of preprocessing in studies of Stack Overflow and GitHub: 0 to 255
# mend: images = images * 255.0 / 16.0 -> images = images / 16.0
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split


def load():
    images, labels = load_digits(return_X_y=True)
    images = images * 255.0 / 16.0
    return TensorDataset(torch.tensor(images, dtype=torch.float32), torch.tensor(labels))


def make_model():
    return torch.nn.Sequential(
        torch.nn.Linear(64, 100),
        torch.nn.ReLU(),
        torch.nn.Linear(100, 50),
        torch.nn.ReLU(),
        torch.nn.Linear(50, 10),
    )


def evaluate(model, loader):
    model.eval()
    right = total = 0
    with torch.no_grad():
        for x, y in loader:
            right += (model(x).argmax(dim=1) == y).sum().item()
            total += len(y)
    return right / total


def train(epochs=15):
    torch.manual_seed(3)
    torch.set_num_threads(1)
    train_set, val_set = random_split(load(), [1400, 397])
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=397)
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(epochs):
        model.train()
        for x, y in train_loader:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch + 1} loss {loss.item():.3f} accuracy {evaluate(model, val_loader):.3f}")


train()
