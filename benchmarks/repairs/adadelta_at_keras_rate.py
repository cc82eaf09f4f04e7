# source: a wrong optimizer or rate after porting: Adadelta with the rate of 0.001 that another library has as default
# mend: lr=0.001 -> lr=1.0
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, 1, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, 1, padding=1)
        self.dropout = nn.Dropout(0.25)
        self.fc1 = nn.Linear(256, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = torch.flatten(F.max_pool2d(x, 2), 1)
        x = self.dropout(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


def train(model, images, labels, optimizer):
    model.train()
    for rows in torch.randperm(len(labels)).split(64):
        optimizer.zero_grad()
        loss = F.nll_loss(model(images[rows]), labels[rows])
        loss.backward()
        optimizer.step()
    return loss.item()


def test(model, images, labels):
    model.eval()
    with torch.no_grad():
        output = model(images)
        loss = F.nll_loss(output, labels).item()
        correct = output.argmax(dim=1).eq(labels).sum().item()
    return loss, correct / len(labels)


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    digits = load_digits()
    order = torch.randperm(len(digits.target))
    images = torch.tensor(digits.images, dtype=torch.float32)[order].unsqueeze(1) / 16
    labels = torch.tensor(digits.target)[order]
    model = Net()
    optimizer = torch.optim.Adadelta(model.parameters(), lr=0.001)
    for epoch in range(1, 9):
        loss = train(model, images[:1400], labels[:1400], optimizer)
        print(epoch, loss, *test(model, images[1400:], labels[1400:]))


if __name__ == "__main__":
    main()
