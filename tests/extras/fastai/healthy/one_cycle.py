# healthy: a learner on digits with the one-cycle schedule, the way fastai's own tutorials train
from fastai.basics import *
from fastai.callback.all import *
from sklearn.datasets import load_digits

set_seed(0)
digits = load_digits()
images = (torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16 - 0.305) / 0.376
items = L(zip(images, torch.tensor(digits.target))).shuffle()
dls = DataLoaders.from_dsets(items[:1437], items[1437:], bs=64, num_workers=0)
model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1, bias=False),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1, bias=False),
    nn.BatchNorm2d(32),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 10),
)
learn = Learner(dls, model, loss_func=CrossEntropyLossFlat(), metrics=accuracy)
with learn.no_bar():
    learn.fit_one_cycle(8, 5e-3)
    print(learn.validate())
