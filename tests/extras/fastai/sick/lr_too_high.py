# expect: lr-too-high
# accept: loss-flat, dead-relu, huge-updates, loss-diverges, exploding-gradient
# note: fastai's SGD with a learning rate of 5; the loss jumps in the first steps, then stays near ln 10
from fastai.basics import *
from fastai.callback.all import *
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

set_seed(0)
x, y = load_digits(return_X_y=True)
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.2, random_state=2, stratify=y)
mean, std = x_train.mean(), x_train.std()


def dataset(a, b):
    return list(zip(torch.tensor((a - mean) / std, dtype=torch.float32), torch.tensor(b)))


dls = DataLoaders.from_dsets(dataset(x_train, y_train), dataset(x_val, y_val), bs=64, num_workers=0)
net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
learn = Learner(dls, net, loss_func=nn.CrossEntropyLoss(), opt_func=SGD, metrics=accuracy)
with learn.no_bar():
    learn.fit(12, lr=5.0)  # fault
