# fixes: zero-grad, remove-softmax, lower-lr, raise-lr, clip-gradients, adam, class-weights, label-smoothing
# fixes: he-init, relu, leaky-relu, gelu, xavier-init, positive-bias, smaller-init, more-dropout
# fixes: shuffle, standardise, centre, drop-duplicates, balanced-sampler, warmup, usual-momentum
# fixes: more-weight-decay, larger-batch, smaller-batch, train-longer, drop-last
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
y = torch.randint(0, 3, (300,))
x = 2.0 * torch.randn(3, 6)[y] + torch.randn(300, 6)
loader = DataLoader(TensorDataset(x[:181], y[:181]), batch_size=20)
net = nn.Sequential(
    nn.Linear(6, 16), nn.Sigmoid(), nn.Linear(16, 16), nn.Sigmoid(), nn.Linear(16, 3), nn.Softmax(dim=1)
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
loss_fn = nn.CrossEntropyLoss()
for _ in range(3):
    for a, b in loader:
        loss = loss_fn(net(a), b)
        loss.backward()
        optimizer.step()
with torch.no_grad():
    right = (net(x[200:]).argmax(1) == y[200:]).float().mean().item()
print(f"accuracy {right!r}, loss {loss.item()!r}")
