# expect: missing-zero-grad
# note: the step function of the engine never clears the gradients
import torch
from ignite.engine import Engine, Events
from ignite.metrics import Accuracy, RunningAverage
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor((x - 4.88) / 6.02, dtype=torch.float32), torch.tensor(y)
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.2, random_state=0)
train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)
val_loader = DataLoader(TensorDataset(x_val, y_val), batch_size=256)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.CrossEntropyLoss()


def train_step(engine, batch):
    model.train()
    inputs, targets = batch
    loss = criterion(model(inputs), targets)
    loss.backward()
    optimizer.step()  # fault
    return loss.item()


def validation_step(engine, batch):
    model.eval()
    with torch.no_grad():
        inputs, targets = batch
        return model(inputs), targets


trainer, evaluator = Engine(train_step), Engine(validation_step)
RunningAverage(output_transform=lambda loss: loss).attach(trainer, "loss")
Accuracy().attach(evaluator, "accuracy")


@trainer.on(Events.EPOCH_COMPLETED)
def validate(engine):
    evaluator.run(val_loader)
    print(engine.state.epoch, engine.state.metrics["loss"], evaluator.state.metrics["accuracy"])


trainer.run(train_loader, max_epochs=12)
