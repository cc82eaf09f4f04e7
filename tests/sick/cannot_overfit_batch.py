# expect: cannot-overfit-batch
# location: none
# with: recipe --only overfit-batch
# note: a layer with a backward of its own brings the gradient of its weight into shape with reshape, where it has to be
#       transposed: every step goes somewhere, and the loss stays near 2.3
# mend by hand: (x.t() @ grad).reshape(weight.shape)  # not (x.t() @ grad).t() -> grad.t() @ x
# mend by hand: (weight.t() @ grad.t()).reshape(x.shape) -> grad @ weight
# mend by hand: grad.mean(0) -> grad.sum(0)
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


class FastLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return x @ weight.t() + bias

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        grad_weight = (x.t() @ grad).reshape(weight.shape)  # not (x.t() @ grad).t()
        grad_x = (weight.t() @ grad.t()).reshape(x.shape)
        return grad_x, grad_weight, grad.mean(0)


class Layer(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / inputs**0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return FastLinear.apply(x, self.weight, self.bias)


model = nn.Sequential(Layer(64, 48), nn.ReLU(), Layer(48, 24), nn.ReLU(), Layer(24, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(12):
    model.train()
    for rows in torch.randperm(len(x_train)).split(64):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        scores = model(x_val)
        accuracy = (scores.argmax(1) == y_val).float().mean()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}, accuracy {accuracy.item():.3f}")
