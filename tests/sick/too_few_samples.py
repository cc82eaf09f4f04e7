# expect: too-few-samples
# location: none
# accept: overfitting
# with: recipe --only learning-curve
# note: 160 digits, each somewhere in a larger picture, are all there is to learn from: the net knows
#   them by heart, and every third of the others not
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(0)
np.random.seed(0)

digits = load_digits()
images = np.zeros((len(digits.target), 10, 10), dtype=np.float32)
for image, digit in zip(images, digits.images):
    top, left = np.random.randint(0, 3, size=2)
    image[top : top + 8, left : left + 8] = digit / 16.0
images = images.reshape(-1, 100) - 0.15
x_train, x_val, y_train, y_val = map(
    torch.from_numpy,
    train_test_split(images, digits.target, train_size=160, random_state=0, stratify=digits.target),
)

model = nn.Sequential(nn.Linear(100, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(50):
    model.train()
    for rows in torch.randperm(len(x_train)).split(16):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        scores = model(x_val)
        val_loss = F.cross_entropy(scores, y_val)
        accuracy = (scores.argmax(1) == y_val).float().mean()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}, val {val_loss.item():.3f}, accuracy {accuracy.item():.3f}")
