# expect: double-softmax
# note: the net ends in a softmax, and CrossEntropyLossFlat applies it again
from fastai.basics import *
from fastai.callback.all import *
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

set_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor((x - 4.88) / 6.02, dtype=torch.float32), torch.tensor(y)
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.2, random_state=0)
dls = DataLoaders.from_dsets(list(zip(x_train, y_train)), list(zip(x_val, y_val)), bs=64, num_workers=0)

model = nn.Sequential(
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Linear(64, 10),
    nn.Softmax(dim=1),  # fault
)
learn = Learner(dls, model, loss_func=CrossEntropyLossFlat(), metrics=accuracy)
with learn.no_bar():
    learn.fit_one_cycle(15, 1e-3)
