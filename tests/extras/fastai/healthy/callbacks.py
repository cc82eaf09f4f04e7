# healthy: the best weights saved and loaded at the end, early stopping, clipping, accumulation
import tempfile

from fastai.basics import *
from fastai.callback.all import *
from sklearn.datasets import load_digits

set_seed(0)
X, y = load_digits(return_X_y=True)
items = L(zip(torch.tensor((X - 4.88) / 6.02, dtype=torch.float32), torch.tensor(y))).shuffle()
dls = DataLoaders.from_dsets(items[:1437], items[1437:], bs=32, num_workers=0)
model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.2), nn.Linear(96, 10))
with tempfile.TemporaryDirectory() as folder:
    callbacks = [
        SaveModelCallback(monitor="accuracy"),
        EarlyStoppingCallback(monitor="valid_loss", patience=4),
        GradientClip(2.0),
        GradientAccumulation(64),
    ]
    learn = Learner(dls, model, loss_func=CrossEntropyLossFlat(), metrics=accuracy, path=folder, cbs=callbacks)
    with learn.no_bar():
        learn.fit_flat_cos(15, 2e-3)
    predictions, targets = learn.get_preds()
    print("accuracy", accuracy(predictions, targets))
