# expect: label-breaking-augmentation
# location: none
# with: recipe --only augmentation
# note: half of the training pictures are flipped from left to right, and which way an arrow points is
#   what is to be learned: left and right are mixed up, up and down are not
# mend: Arrows(1200, augment=True) -> Arrows(1200, augment=False)
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(0)


class Arrows(Dataset):
    """Arrows that point left, right, up or down, somewhere in a noisy picture of 12 by 12 pixels."""

    def __init__(self, count, augment):
        self.labels = torch.randint(4, (count,))
        self.augment = augment
        left = torch.zeros(7, 7)
        left[3] = 1.0
        for step in range(1, 4):
            left[3 - step, step] = left[3 + step, step] = 1.0
        shapes = torch.stack([left, left.flip(1), left.T, left.T.flip(0)])
        self.images = 0.3 * torch.randn(count, 1, 12, 12)
        for image, label in zip(self.images, self.labels):
            top, side = torch.randint(6, (2,)).tolist()
            image[0, top : top + 7, side : side + 7] += shapes[label]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.images[index]
        if self.augment and torch.rand(()) < 0.5:
            image = image.flip(-1)
        return image, self.labels[index]


train_loader = DataLoader(Arrows(1200, augment=True), 32, shuffle=True, drop_last=True)
val_set = Arrows(500, augment=False)
val_loader = DataLoader(val_set, 250)

model = nn.Sequential(
    nn.Conv2d(1, 12, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3, padding=1),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(864, 4),
)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(10):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        hits = sum((model(x).argmax(1) == y).sum().item() for x, y in val_loader)
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}, accuracy {hits / len(val_set):.3f}")
