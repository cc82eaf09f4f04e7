# source: wrong hidden activation: a softmax after a hidden layer, after a fault in a benchmark of Keras programs
# mend: hidden = F.softmax(self.enter(x), dim=1) -> hidden = F.relu(self.enter(x))
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Digits(Dataset):
    def __init__(self, pixels, labels):
        self.pixels, self.labels = pixels, labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return torch.tensor(self.pixels[i], dtype=torch.float32) / 16 - 0.3, int(self.labels[i])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.enter = nn.Linear(64, 64)
        self.leave = nn.Linear(64, 10)

    def forward(self, x):
        hidden = F.softmax(self.enter(x), dim=1)
        return self.leave(hidden)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    x, y = load_digits(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.2, random_state=0)
    train_loader = DataLoader(Digits(x_train, y_train), batch_size=32, shuffle=True)
    val_loader = DataLoader(Digits(x_val, y_val), batch_size=120)
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(10):
        net.train()
        for pixels, labels in train_loader:
            loss = F.cross_entropy(net(pixels), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            hits = sum((net(pixels).argmax(1) == labels).sum().item() for pixels, labels in val_loader)
        print(f"epoch {epoch}: loss {loss.item():.3f}, accuracy {hits / len(y_val):.3f}")


if __name__ == "__main__":
    main()
