# healthy: a regression on standardised columns, with a moving average of the weights that is what gets evaluated
import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import EMAHandler
from ignite.metrics import MeanSquaredError
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = load_diabetes(return_X_y=True)
x_train, x_val, y_train, y_val = train_test_split(x, y[:, None], test_size=0.25, random_state=0)
scale_x, scale_y = StandardScaler().fit(x_train), StandardScaler().fit(y_train)


def dataset(a, b):
    a, b = scale_x.transform(a), scale_y.transform(b)
    return TensorDataset(torch.tensor(a, dtype=torch.float32), torch.tensor(b, dtype=torch.float32))


train_loader = DataLoader(dataset(x_train, y_train), batch_size=32, shuffle=True)
val_loader = DataLoader(dataset(x_val, y_val), batch_size=128)
model = nn.Sequential(nn.Linear(10, 32), nn.SiLU(), nn.Linear(32, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.05)
trainer = create_supervised_trainer(model, optimizer, nn.MSELoss())
ema = EMAHandler(model, momentum=0.02)
ema.attach(trainer, name="ema", event=Events.ITERATION_COMPLETED)
evaluator = create_supervised_evaluator(ema.ema_model, metrics={"mse": MeanSquaredError()})


@trainer.on(Events.EPOCH_COMPLETED(every=5))
def validate(engine):
    evaluator.run(val_loader)
    print(engine.state.epoch, engine.state.output, evaluator.state.metrics)


trainer.run(train_loader, max_epochs=25)
