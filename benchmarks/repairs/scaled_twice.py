# source: wrong preprocessing as in interviews with practitioners: the pixels are divided by their maximum twice
# mend: dtype=torch.float32) / 255 -> dtype=torch.float32)
import torch
from sklearn.datasets import load_digits
from torch import nn, optim


class Convolutional(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.dense = nn.Linear(16 * 2 * 2, 10)

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        return self.dense(x.flatten(1))


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    digits = load_digits()
    images = torch.tensor(digits.images / 16.0, dtype=torch.float32) / 255
    labels = torch.tensor(digits.target)
    order = torch.randperm(len(labels))
    images, labels = images[order].unsqueeze(1), labels[order]
    model = Convolutional()
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for epoch in range(8):
        model.train()
        running = 0.0
        for start in range(0, 1400, 40):
            batch, target = images[start : start + 40], labels[start : start + 40]
            if start + 40 > 1400:
                break
            optimizer.zero_grad()
            loss = criterion(model(batch), target)
            loss.backward()
            optimizer.step()
            running += loss.item()
        model.eval()
        with torch.no_grad():
            predicted = model(images[1400:]).argmax(1)
        print(epoch, f"{running / 35:.4f}", f"{(predicted == labels[1400:]).float().mean().item():.4f}")
