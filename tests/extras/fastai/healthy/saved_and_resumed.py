# healthy: half of the training, saved with its optimizer, loaded into a new learner, the other half
import tempfile

from fastai.basics import *
from fastai.callback.all import *
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split

set_seed(0)
x, y = load_wine(return_X_y=True)
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)
mean, std = x_train.mean(0), x_train.std(0)
x_train, x_val = (torch.tensor((a - mean) / std, dtype=torch.float32) for a in (x_train, x_val))
dls = DataLoaders.from_dsets(
    list(zip(x_train, torch.tensor(y_train))), list(zip(x_val, torch.tensor(y_val))), bs=16, num_workers=0
)


def build(folder):
    model = nn.Sequential(nn.Linear(13, 24), nn.Tanh(), nn.Linear(24, 3))
    return Learner(dls, model, loss_func=CrossEntropyLossFlat(), metrics=accuracy, path=folder)


with tempfile.TemporaryDirectory() as folder:
    learn = build(folder)
    with learn.no_bar():
        learn.fit(15, 3e-3)
    learn.save("half")
    learn = build(folder)
    learn.create_opt()
    learn.load("half")
    with learn.no_bar():
        learn.fit(15, 3e-3)
