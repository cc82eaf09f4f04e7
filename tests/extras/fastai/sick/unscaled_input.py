# expect: unscaled-input
# accept: uncentred-input
# note: raw columns between 0.1 and 1700 enter the net: the first steps throw it off, it stays there
from fastai.basics import *
from fastai.callback.all import *
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split


class Classifier(nn.Module):
    def __init__(self, n_in, n_hidden, n_classes):
        super().__init__()
        self.hidden = nn.Linear(n_in, n_hidden)
        self.hidden2 = nn.Linear(n_hidden, n_hidden)
        self.output = nn.Linear(n_hidden, n_classes)

    def forward(self, x):
        x = F.relu(self.hidden(x))
        x = F.relu(self.hidden2(x))
        return self.output(x)


set_seed(0)
x, y = load_wine(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.3, stratify=y, random_state=0)
x_train = torch.tensor(x_train, dtype=torch.float32)  # fault
x_test = torch.tensor(x_test, dtype=torch.float32)
train_ds = list(zip(x_train, torch.tensor(y_train)))
valid_ds = list(zip(x_test, torch.tensor(y_test)))
dls = DataLoaders.from_dsets(train_ds, valid_ds, bs=16, num_workers=0)

learn = Learner(dls, Classifier(13, 32, 3), loss_func=F.cross_entropy, opt_func=SGD, metrics=accuracy)
with learn.no_bar():
    learn.fit(30, 0.05)  # fault
