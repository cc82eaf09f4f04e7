# healthy: a regression with an optimizer of PyTorch in an OptimWrapper, loaders of PyTorch, and a callback of one's own
from functools import partial

from fastai.basics import *
from fastai.callback.all import *
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader as TorchLoader
from torch.utils.data import TensorDataset


class NoisyInput(Callback):
    def before_batch(self):
        if self.training:
            self.learn.xb = (self.x + 0.05 * torch.randn_like(self.x),)


set_seed(0)
X, y = load_diabetes(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X, y[:, None], random_state=0)
scale_x, scale_y = StandardScaler().fit(X_train), StandardScaler().fit(y_train)


def dataset(a, b):
    return TensorDataset(tensor(scale_x.transform(a)).float(), tensor(scale_y.transform(b)).float())


dls = DataLoaders(
    TorchLoader(dataset(X_train, y_train), batch_size=32, shuffle=True),
    TorchLoader(dataset(X_val, y_val), batch_size=128),
)
model = nn.Sequential(nn.Linear(10, 32), nn.SiLU(), nn.Linear(32, 1))
opt_func = partial(OptimWrapper, opt=torch.optim.AdamW, weight_decay=0.05)
learn = Learner(dls, model, loss_func=MSELossFlat(), opt_func=opt_func, metrics=rmse, cbs=NoisyInput())
with learn.no_bar():
    learn.fit(20, 3e-3)
