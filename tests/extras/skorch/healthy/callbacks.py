# healthy: early stopping, a schedule, clipping, scores and checkpoints with the best weights loaded at the end
import tempfile

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Checkpoint, EarlyStopping, EpochScoring, GradientNormClipping, LRScheduler
from skorch.dataset import ValidSplit
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
digits = load_digits()
X = ((digits.images[:, None] - 4.88) / 6.02).astype("float32")

module = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1, bias=False),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Dropout(0.3),
    nn.Linear(128, 10),
)
with tempfile.TemporaryDirectory() as folder:
    net = NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        lr=3e-3,
        max_epochs=12,
        batch_size=64,
        iterator_train__shuffle=True,
        train_split=ValidSplit(5, stratified=True),
        callbacks=[
            EpochScoring("f1_macro", lower_is_better=False),
            GradientNormClipping(5.0),
            LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=5, gamma=0.5),
            EarlyStopping(patience=4),
            Checkpoint(dirname=folder, load_best=True),
        ],
    )
    net.fit(X, digits.target)
print("accuracy", (net.predict(X) == digits.target).mean())
