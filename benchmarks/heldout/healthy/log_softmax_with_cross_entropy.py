# healthy: beginner CNN whose forward ends in log_softmax before CrossEntropyLoss; log_softmax is
#   idempotent, nothing is lost
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv = nn.Conv2d(1, 12, 3)
        self.fc1 = nn.Linear(12 * 9, 64)
        self.drop = nn.Dropout(0.25)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv(x)), 2)
        x = x.view(-1, 12 * 9)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)

images, labels = load_digits(return_X_y=True)
images = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8) / 16
images = (images - 0.305) / 0.376
labels = torch.tensor(labels)
a, b, c, d = train_test_split(images, labels, test_size=0.2, random_state=args.seed)
trainloader = DataLoader(TensorDataset(a, c), batch_size=32, shuffle=True)
testloader = DataLoader(TensorDataset(b, d), batch_size=120)

net = Net()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.002)
for epoch in range(8):
    net.train()
    running = 0.0
    for x, y in trainloader:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item()
    net.eval()
    hits = 0
    with torch.no_grad():
        for x, y in testloader:
            hits += (net(x).argmax(1) == y).sum().item()
    print(f"epoch {epoch + 1} loss {running / len(trainloader):.4f} test acc {hits / len(d):.4f}")
