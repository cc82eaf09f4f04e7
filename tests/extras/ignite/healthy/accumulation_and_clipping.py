# healthy: a step function of one's own that accumulates two batches, clips, and steps a schedule at each update
import torch
from ignite.engine import Engine, Events
from ignite.metrics import Accuracy
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(0)
digits = load_digits()
images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16 - 0.3
dataset = TensorDataset(images, torch.tensor(digits.target))
train_set, val_set = random_split(dataset, [1500, 297])
train_loader = DataLoader(train_set, batch_size=32, shuffle=True, drop_last=True)
val_loader = DataLoader(val_set, batch_size=297)

model = nn.Sequential(
    nn.Conv2d(1, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(2),
    nn.Flatten(),
    nn.Linear(128, 10),
)
epochs, accumulate = 10, 2
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(train_loader) // accumulate)
loss_fn = nn.CrossEntropyLoss()


def update(engine, batch):
    model.train()
    inputs, targets = batch
    loss = loss_fn(model(inputs), targets) / accumulate
    loss.backward()
    if engine.state.iteration % accumulate == 0:
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    return loss.item() * accumulate


def inference(engine, batch):
    model.eval()
    with torch.no_grad():
        return model(batch[0]), batch[1]


trainer, evaluator = Engine(update), Engine(inference)
Accuracy().attach(evaluator, "accuracy")


@trainer.on(Events.EPOCH_COMPLETED)
def validate(engine):
    evaluator.run(val_loader)
    print(engine.state.epoch, engine.state.output, evaluator.state.metrics)


trainer.run(train_loader, max_epochs=epochs)
