# expect: split-overlap
# note: two different permutations are cut, most validation images are training images as well
from fastai.basics import *
from fastai.callback.all import *
from sklearn.datasets import load_digits


class SmallConvNet(Module):
    def __init__(self):
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.head = nn.Linear(32 * 2 * 2, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.head(x.flatten(1))


set_seed(0)
digits = load_digits()
images = (torch.tensor(digits.images[:700], dtype=torch.float32).unsqueeze(1) / 16.0 - 0.3) / 0.38
items = L(zip(images, torch.tensor(digits.target[:700])))
train, val = items.shuffle()[200:], items.shuffle()[:200]
dls = DataLoaders.from_dsets(train, val, bs=32, num_workers=0)  # fault
learn = Learner(dls, SmallConvNet(), loss_func=F.cross_entropy, opt_func=SGD, metrics=accuracy)
with learn.no_bar():
    learn.fit(15, 0.1)
