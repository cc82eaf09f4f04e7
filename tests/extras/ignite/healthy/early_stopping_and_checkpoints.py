# healthy: the usual handlers around a supervised trainer: best weights kept and loaded, stop when it gets no better
import tempfile

import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import Checkpoint, DiskSaver, EarlyStopping, TerminateOnNan
from ignite.metrics import Accuracy, Loss, RunningAverage
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)
x, y = load_digits(return_X_y=True)
x, y = torch.tensor((x - 4.88) / 6.02, dtype=torch.float32), torch.tensor(y)
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.2, random_state=1, stratify=y)
train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)
val_loader = DataLoader(TensorDataset(x_val, y_val), batch_size=256)

model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.2), nn.Linear(96, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
criterion = nn.CrossEntropyLoss()
trainer = create_supervised_trainer(model, optimizer, criterion)
evaluator = create_supervised_evaluator(model, metrics={"accuracy": Accuracy(), "nll": Loss(criterion)})
RunningAverage(output_transform=lambda loss: loss).attach(trainer, "loss")
trainer.add_event_handler(Events.ITERATION_COMPLETED, TerminateOnNan())


@trainer.on(Events.EPOCH_COMPLETED)
def validate(engine):
    evaluator.run(val_loader)
    print(engine.state.epoch, engine.state.metrics["loss"], evaluator.state.metrics)


def score_function(engine):
    return engine.state.metrics["accuracy"]


with tempfile.TemporaryDirectory() as folder:
    to_save = {"model": model, "optimizer": optimizer, "trainer": trainer}
    saver = DiskSaver(folder, create_dir=True, require_empty=False)
    best = Checkpoint(to_save, saver, n_saved=1, score_function=score_function, score_name="accuracy")
    evaluator.add_event_handler(Events.COMPLETED, best)
    evaluator.add_event_handler(Events.COMPLETED, EarlyStopping(4, score_function, trainer))
    trainer.run(train_loader, max_epochs=20)
    checkpoint = torch.load(f"{folder}/{best.last_checkpoint}", weights_only=False)
    model.load_state_dict(checkpoint["model"])
evaluator.run(val_loader)
print("best", evaluator.state.metrics)
