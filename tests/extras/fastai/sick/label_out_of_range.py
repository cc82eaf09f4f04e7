# expect: label-out-of-range
# note: the labels are 1, 2, 3 as in the table, the net has outputs 0 to 2: the first batch with a 3 raises
from fastai.basics import *
from fastai.callback.all import *
from sklearn.datasets import load_wine

set_seed(0)
wine = load_wine(as_frame=True)
table = wine.frame.sample(frac=1, random_state=0)
table["target"] += 1  # as in wine.data: cultivar 1, 2 or 3
mean, std = table.iloc[:128, :13].mean(), table.iloc[:128, :13].std()


class WineDataset:
    def __init__(self, rows):
        self.x = tensor(((rows.iloc[:, :13] - mean) / std).values).float()
        self.y = tensor(rows["target"].values)  # fault

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


dls = DataLoaders.from_dsets(WineDataset(table[:128]), WineDataset(table[128:]), bs=16, num_workers=0)
model = nn.Sequential(nn.Linear(13, 20), nn.LeakyReLU(), nn.Linear(20, 3))
learn = Learner(dls, model, loss_func=nn.CrossEntropyLoss(), metrics=accuracy)
with learn.no_bar():
    learn.fit(12, 1e-2)  # fault
