# expect: saturating-activation
# accept: vanishing-gradient, saturated-activation
# with: recipe --only activation-trial
# note: sigmoid after every convolution: the first layers get next to no gradient, and the loss stays at ln 10
# mend: padding=1), nn.Sigmoid() -> padding=1), nn.ReLU()
# mend:     nn.Sigmoid(), ->     nn.ReLU(),
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images / 16 - 0.3, dtype=torch.float32)[:, None]
labels = torch.tensor(digits.target)
x_train, x_val, y_train, y_val = train_test_split(images, labels, test_size=0.25, random_state=0, stratify=labels)


def block(channels_in, channels_out):
    return nn.Sequential(nn.Conv2d(channels_in, channels_out, 3, padding=1), nn.Sigmoid())  # fault


model = nn.Sequential(
    block(1, 16),
    block(16, 16),
    nn.MaxPool2d(2),
    block(16, 32),
    block(32, 32),
    nn.Flatten(),
    nn.Linear(32 * 16, 64),
    nn.Sigmoid(),  # fault
    nn.Linear(64, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

for epoch in range(8):
    model.train()
    total = 0.0
    for rows in torch.randperm(len(x_train)).split(32):
        optimizer.zero_grad()
        loss = criterion(model(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    model.eval()
    with torch.no_grad():
        accuracy = (model(x_val).argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1}: loss {total / len(x_train):.3f}, accuracy {accuracy:.3f}")
