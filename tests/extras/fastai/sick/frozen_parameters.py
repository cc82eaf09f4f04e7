# expect: frozen-parameters
# note: the learner is frozen as for transfer learning although no weights were loaded
from fastai.basics import *
from fastai.callback.all import *
from sklearn.datasets import load_digits


class Backbone(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.ReLU())
        self.stage1 = nn.Sequential(nn.Conv2d(width, 2 * width, 3, 2, 1), nn.ReLU())
        self.stage2 = nn.Sequential(nn.Conv2d(2 * width, 4 * width, 3, 2, 1), nn.ReLU())

    def forward(self, x):
        return self.stage2(self.stage1(self.stem(x))).flatten(1)


class Classifier(nn.Module):
    def __init__(self, backbone, n_features, n_classes):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(n_features, n_classes)

    def forward(self, x):
        return self.head(self.backbone(x))


def splitter(model):
    return [params(model.backbone), params(model.head)]


set_seed(0)
digits = load_digits()
x = (torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16 - 0.305) / 0.376
items = list(zip(x, torch.tensor(digits.target)))
random.shuffle(items)
dls = DataLoaders.from_dsets(items[:1400], items[1400:], bs=40, num_workers=0)
model = Classifier(Backbone(), 128, 10)
learn = Learner(dls, model, loss_func=CrossEntropyLossFlat(), splitter=splitter, metrics=accuracy)
learn.freeze()  # fault
with learn.no_bar():
    learn.fit(8, 2e-3)
