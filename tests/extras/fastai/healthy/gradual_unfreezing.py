# healthy: a body that was trained before is loaded and frozen, the head trained, then all of it at smaller rates
import io

from fastai.basics import *
from fastai.callback.all import *
from sklearn.datasets import load_digits


def body():
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())


def splitter(model):
    return [params(model[0]), params(model[1])]


def loaders(target):
    items = L(zip(X, torch.tensor(target)))[order]
    return DataLoaders.from_dsets(items[:1437], items[1437:], bs=64, num_workers=0)


set_seed(0)
X, y = load_digits(return_X_y=True)
X = torch.tensor((X - 4.88) / 6.02, dtype=torch.float32)
order = torch.randperm(len(X)).tolist()

net = nn.Sequential(body(), nn.Linear(32, 10))
first = Learner(loaders(y), net, loss_func=CrossEntropyLossFlat(), metrics=accuracy)
with first.no_bar():
    first.fit_one_cycle(8, 3e-3)
file = io.BytesIO()
torch.save(first.model[0].state_dict(), file)

file.seek(0)
pretrained = body()
pretrained.load_state_dict(torch.load(file))
model = nn.Sequential(pretrained, nn.Linear(32, 2))
learn = Learner(loaders(y % 2), model, loss_func=CrossEntropyLossFlat(), splitter=splitter, metrics=accuracy)
with learn.no_bar():
    learn.freeze()
    learn.fit_one_cycle(3, 3e-3)
    learn.unfreeze()
    learn.fit_one_cycle(5, slice(1e-4, 1e-3))
