# healthy: lr_find, which goes up until the loss diverges and puts the weights back, and then the training
import tempfile

from fastai.basics import *
from fastai.callback.all import *
from sklearn.datasets import load_digits

set_seed(0)
X, y = load_digits(return_X_y=True)
items = L(zip(torch.tensor((X - 4.88) / 6.02, dtype=torch.float32), torch.tensor(y))).shuffle()
dls = DataLoaders.from_dsets(items[:1437], items[1437:], bs=32, num_workers=0)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
with tempfile.TemporaryDirectory() as folder:
    learn = Learner(dls, model, loss_func=CrossEntropyLossFlat(), metrics=accuracy, path=folder)
    with learn.no_bar():
        suggested = learn.lr_find(show_plot=False)
        print("suggested", suggested.valley)
        learn.fit_one_cycle(8, 4e-3)
