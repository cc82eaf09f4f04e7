# healthy: GridSearchCV over rates and widths, with the net in a pipeline; one of the rates is small, as grids are
import torch
from skorch import NeuralNetClassifier
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import nn


class Net(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(13, hidden), nn.ReLU(), nn.Linear(hidden, 3))

    def forward(self, x):
        return self.layers(x)


torch.manual_seed(0)
X, y = load_wine(return_X_y=True)
net = NeuralNetClassifier(
    Net,
    criterion=nn.CrossEntropyLoss,
    optimizer=torch.optim.Adam,
    max_epochs=25,
    batch_size=16,
    iterator_train__shuffle=True,
    train_split=None,
    verbose=0,
)
to_float = FunctionTransformer(lambda x: x.astype("float32"))
pipe = make_pipeline(StandardScaler(), to_float, net)
grid = {"neuralnetclassifier__lr": [0.003, 0.01], "neuralnetclassifier__module__hidden": [16, 32]}
search = GridSearchCV(pipe, grid, cv=3, scoring="accuracy")
search.fit(X, y)
print(search.best_score_, search.best_params_)
