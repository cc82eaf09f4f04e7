# expect: mismatched-loss
# note: the ten digit classes are fitted as one number with a squared error
from fastai.basics import *
from fastai.callback.all import *
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

set_seed(0)
X, y = load_digits(return_X_y=True)
X = torch.tensor((X - 4.88) / 6.02, dtype=torch.float32)
X_train, X_val, y_train, y_val = train_test_split(X, torch.tensor(y), test_size=0.2, random_state=0, stratify=y)
dls = DataLoaders.from_dsets(list(zip(X_train, y_train)), list(zip(X_val, y_val)), bs=64, num_workers=0)


def hits(predicted, target):
    return (predicted.flatten().round() == target).float().mean()


model = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 1))
learn = Learner(dls, model, loss_func=MSELossFlat(), metrics=hits)
with learn.no_bar():
    learn.fit_one_cycle(20, 1e-3)  # fault
