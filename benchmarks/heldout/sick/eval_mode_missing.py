# expect: evaluation-in-train-mode
# accept: evaluation-changes-state
# note: model.eval() is never called; dropout 0.5 stays on while the test set is scored, and the
#   reported accuracy is too low
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

digits = load_digits()
x = torch.tensor(digits.images / 16.0, dtype=torch.float32).unsqueeze(1)
y = torch.tensor(digits.target)
perm = torch.randperm(len(x))
x, y = x[perm], y[perm]
trainloader = DataLoader(TensorDataset(x[:1300], y[:1300]), batch_size=50, shuffle=True)
testloader = DataLoader(TensorDataset(x[1300:], y[1300:]), batch_size=100)


class CNN(nn.Module):
    def __init__(self):
        super(CNN, self).__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.drop1 = nn.Dropout(0.4)
        self.fc1 = nn.Linear(16 * 4 * 4, 64)
        self.drop2 = nn.Dropout(0.6)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        out = self.layer1(x)
        out = out.reshape(out.size(0), -1)
        out = torch.relu(self.fc1(self.drop1(out)))
        return self.fc2(self.drop2(out))


cnn = CNN()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(cnn.parameters(), lr=0.003)

for epoch in range(12):
    for i, (images, labels) in enumerate(trainloader):
        outputs = cnn(images)
        loss = criterion(outputs, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (i + 1) % 13 == 0:
            print(f"Epoch [{epoch + 1}/12], Step [{i + 1}], Loss: {loss.item():.4f}")

    with torch.no_grad():
        correct = 0
        total = 0
        for images, labels in testloader:
            outputs = cnn(images)  # fault
            _, predicted = torch.max(outputs.data, 1)
            total += labels.size(0)
            correct += (predicted == labels).sum().item()
        print(f"Accuracy on the test images: {100 * correct / total:.2f} %")
