# expect: missing-nonlinearity
# note: three linear layers follow one another with only dropout between, so the net is one linear map
from fastai.basics import *
from fastai.callback.all import *


class SpiralNet(Module):
    def __init__(self, hidden=64):
        self.fc1 = nn.Linear(2, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, 3)
        self.drop = nn.Dropout(0.05)

    def forward(self, x):
        x = self.drop(self.fc1(x))
        x = self.drop(self.fc2(x))  # fault
        return self.out(x)  # fault


def spirals(n_per_class):
    items = []
    for k in range(3):
        t = torch.rand(n_per_class)
        angle = 2 * math.pi * k / 3 + 4.0 * t + 0.12 * torch.randn(n_per_class)
        radius = 0.2 + 1.8 * t
        items += [(p, tensor(k)) for p in torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)]
    return items


set_seed(0)
dls = DataLoaders.from_dsets(spirals(300), spirals(100), bs=64, num_workers=0)
learn = Learner(dls, SpiralNet(), loss_func=CrossEntropyLossFlat(), metrics=accuracy)
with learn.no_bar():
    learn.fit_one_cycle(30, 5e-3)
