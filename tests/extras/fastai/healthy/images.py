# healthy: a DataBlock over arrays of images with transforms on batches, and a Ranger (Lookahead around RAdam)
from fastai.vision.all import *
from sklearn.datasets import load_digits

set_seed(0)
digits = load_digits()
everything = [(image / 16, int(label)) for image, label in zip(digits.images, digits.target)]


def picture(item):
    return PILImageBW.create((item[0] * 255).astype("uint8"))


def label(item):
    return item[1]


block = DataBlock(
    blocks=(ImageBlock(cls=PILImageBW), CategoryBlock),
    get_x=picture,
    get_y=label,
    splitter=RandomSplitter(0.2, seed=0),
    batch_tfms=[Normalize.from_stats([0.305], [0.376])],
)
dls = block.dataloaders(everything, bs=64, num_workers=0)
model = nn.Sequential(
    ConvLayer(1, 16), MaxPool(), ConvLayer(16, 32), nn.AdaptiveAvgPool2d(2), Flatten(), nn.Linear(128, 10)
)
learn = Learner(dls, model, opt_func=ranger, metrics=accuracy)
with learn.no_bar():
    learn.fit_flat_cos(4, 4e-3)
