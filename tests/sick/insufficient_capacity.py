# expect: insufficient-capacity
# location: none
# with: recipe --only overfit-batch,capacity
# note: a single hidden unit is left between 64 pixels and ten classes: the loss stays near 1.9
# mend: hidden=1 -> hidden=32
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(0)
np.random.seed(0)

digits = load_digits()
images = (digits.data / 16.0 - 0.3).astype(np.float32)
x_train, x_val, y_train, y_val = map(
    torch.from_numpy, train_test_split(images, digits.target, test_size=0.25, random_state=0, stratify=digits.target)
)


class Classifier(nn.Module):
    def __init__(self, hidden=1):
        super().__init__()
        self.encode = nn.Linear(64, hidden)
        self.decode = nn.Linear(hidden, 10)

    def forward(self, x):
        return self.decode(torch.tanh(self.encode(x)))


model = Classifier()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for epoch in range(15):
    model.train()
    for rows in torch.randperm(len(x_train)).split(32):
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
