# expect: stopped-early
# accept: underfitting, lr-too-low
# note: two epochs, 90 steps; the loss is still falling steeply when the run ends
# mend: range(2) -> range(12)
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Linear(64, 60), nn.ReLU(), nn.Linear(60, 42), nn.ReLU(), nn.Linear(42, 10)
        )

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1)
    images = (images - images.mean()) / images.std()
    x_train, x_test, y_train, y_test = train_test_split(
        images, torch.tensor(digits.target), test_size=0.2, random_state=0
    )
    train_set, test_set = TensorDataset(x_train, y_train), TensorDataset(x_test, y_test)
    trainloader = DataLoader(train_set, batch_size=32, shuffle=True)
    testloader = DataLoader(test_set, batch_size=360)

    net = LeNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(net.parameters(), lr=2e-3)
    for epoch in range(2):  # fault
        net.train()
        running_loss = 0.0
        for i, (inputs, labels) in enumerate(trainloader):
            optimizer.zero_grad()
            outputs = net(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
            if i % 15 == 14:
                print(f"[{epoch + 1}, {i + 1:3d}] loss: {running_loss / 15:.3f}")
                running_loss = 0.0
        net.eval()
        correct, test_loss = 0, 0.0
        with torch.no_grad():
            for inputs, labels in testloader:
                outputs = net(inputs)
                test_loss += criterion(outputs, labels).item() * len(labels)
                correct += (outputs.argmax(1) == labels).sum().item()
        print(f"test loss {test_loss / len(y_test):.3f} accuracy {correct / len(y_test):.3f}")
    print("Finished Training")


if __name__ == "__main__":
    main()
