# healthy: cross_val_predict: each fold trains a net of its own
import torch
from skorch import NeuralNetClassifier
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import nn


class Net(nn.Module):
    def __init__(self, hidden=20, dropout=0.2):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(30, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, 2))

    def forward(self, x):
        return self.layers(x)


torch.manual_seed(0)
X, y = load_breast_cancer(return_X_y=True)
net = NeuralNetClassifier(
    Net,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.AdamW,
    lr=3e-3,
    max_epochs=12,
    batch_size=32,
    iterator_train__shuffle=True,
    train_split=None,
    verbose=0,
)
pipe = make_pipeline(StandardScaler(), FunctionTransformer(lambda x: x.astype("float32")), net)
folds = StratifiedKFold(4, shuffle=True, random_state=0)
print("accuracy", accuracy_score(y, cross_val_predict(pipe, X, y, cv=folds)))
