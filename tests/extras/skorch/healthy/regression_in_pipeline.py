# healthy: a regression with inputs and target scaled by scikit-learn
import torch
from skorch import NeuralNetRegressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch import nn


class Regressor(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.hidden = nn.Linear(10, hidden)
        self.output = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.output(torch.nn.functional.silu(self.hidden(x))).squeeze(-1)  # the target comes without this axis


torch.manual_seed(0)
X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
net = NeuralNetRegressor(
    Regressor,
    optimizer=torch.optim.AdamW,
    optimizer__weight_decay=0.05,
    lr=3e-3,
    max_epochs=25,
    batch_size=32,
    iterator_train__shuffle=True,
)
to_float = FunctionTransformer(lambda x: x.astype("float32"))
model = TransformedTargetRegressor(
    make_pipeline(StandardScaler(), to_float, net),
    transformer=make_pipeline(StandardScaler(), to_float),
    check_inverse=False,
)
model.fit(X_train, y_train)
print("r2", model.score(X_test, y_test))
