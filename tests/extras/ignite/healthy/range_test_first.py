# healthy: Ignite's finder of learning rates runs on the same trainer first, and its weights are put back
import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import FastaiLRFinder
from ignite.metrics import Accuracy
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor((x - 4.88) / 6.02, dtype=torch.float32), torch.tensor(y)
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.2, random_state=0, stratify=y)
train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)
val_loader = DataLoader(TensorDataset(x_val, y_val), batch_size=256)

model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
trainer = create_supervised_trainer(model, optimizer, nn.CrossEntropyLoss())
evaluator = create_supervised_evaluator(model, metrics={"accuracy": Accuracy()})

finder = FastaiLRFinder()
with finder.attach(trainer, to_save={"model": model, "optimizer": optimizer}, end_lr=5.0, num_iter=90) as finding:
    finding.run(train_loader)
print("suggested", finder.lr_suggestion())
optimizer.param_groups[0]["lr"] = 0.02


@trainer.on(Events.EPOCH_COMPLETED)
def validate(engine):
    evaluator.run(val_loader)
    print(engine.state.epoch, engine.state.output, evaluator.state.metrics)


trainer.run(train_loader, max_epochs=12)
