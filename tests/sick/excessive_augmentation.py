# expect: excessive-augmentation
# location: none
# with: recipe --only augmentation
# note: the training digits are rolled by up to two of their eight pixels, and nearly half of the
#   pixels are erased; a third of as many clean ones teach more
# mend: Digits(x_train, y_train, augment=True) -> Digits(x_train, y_train, augment=False)
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)


class Digits(Dataset):
    def __init__(self, images, labels, augment):
        self.images = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8) / 16 - 0.3
        self.labels = torch.tensor(labels)
        self.augment = augment

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.images[index]
        if self.augment:
            roll = torch.randint(-2, 3, (2,)).tolist()
            image = image.roll(roll, dims=(-2, -1))
            image = image.masked_fill(torch.rand(image.shape) < 0.45, -0.3)
        return image, self.labels[index]


images, labels = load_digits(return_X_y=True)
x_train, x_val, y_train, y_val = train_test_split(images, labels, test_size=0.3, random_state=0, stratify=labels)
train_loader = DataLoader(Digits(x_train, y_train, augment=True), 32, shuffle=True, drop_last=True)
val_loader = DataLoader(Digits(x_val, y_val, augment=False), 256)

model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(512, 10),
)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(12):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        hits = sum((model(x).argmax(1) == y).sum().item() for x, y in val_loader)
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}, accuracy {hits / len(y_val):.3f}")
