# healthy: fastai's own Datasets with transforms on items and batches, its layers, and a Ranger (Lookahead around RAdam)
from fastai.basics import *
from fastai.callback.all import *
from fastai.layers import *
from sklearn.datasets import load_digits

set_seed(0)
digits = load_digits()


def picture(number):
    return TensorImageBW(torch.tensor(digits.images[number], dtype=torch.float32)[None] / 16)


def label(number):
    return int(digits.target[number])


numbers = range_of(digits.target)
splits = RandomSplitter(0.2, seed=0)(numbers)
data = Datasets(numbers, [[picture], [label, Categorize()]], splits=splits)
dls = data.dataloaders(bs=64, num_workers=0, after_batch=[Normalize.from_stats([0.305], [0.376])])
model = nn.Sequential(
    ConvLayer(1, 16), nn.MaxPool2d(2), ConvLayer(16, 32), nn.AdaptiveAvgPool2d(2), Flatten(), nn.Linear(128, 10)
)
learn = Learner(dls, model, loss_func=CrossEntropyLossFlat(), opt_func=ranger, metrics=accuracy)
with learn.no_bar():
    learn.fit_flat_cos(16, 1e-2)
