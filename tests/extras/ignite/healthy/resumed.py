# healthy: half of the training, everything saved, everything loaded into new objects, the other half
import io

import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.metrics import Accuracy, Loss
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

x, y = load_wine(return_X_y=True)
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.3, random_state=0, stratify=y)
mean, std = x_train.mean(0), x_train.std(0)


def loader(a, b, **options):
    dataset = TensorDataset(torch.tensor((a - mean) / std, dtype=torch.float32), torch.tensor(b))
    return DataLoader(dataset, **options)


def build():
    model = nn.Sequential(nn.Linear(13, 24), nn.Tanh(), nn.Linear(24, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    trainer = create_supervised_trainer(model, optimizer, nn.CrossEntropyLoss())
    metrics = {"accuracy": Accuracy(), "nll": Loss(nn.CrossEntropyLoss())}
    evaluator = create_supervised_evaluator(model, metrics=metrics)

    @trainer.on(Events.EPOCH_COMPLETED(every=5))
    def validate(engine):
        evaluator.run(val_loader)
        print(engine.state.epoch, engine.state.output, evaluator.state.metrics)

    return model, optimizer, trainer


torch.manual_seed(0)
train_loader = loader(x_train, y_train, batch_size=16, shuffle=True)
val_loader = loader(x_val, y_val, batch_size=64)
model, optimizer, trainer = build()
trainer.run(train_loader, max_epochs=20)
file = io.BytesIO()
torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "trainer": trainer.state_dict()}, file)

file.seek(0)
checkpoint = torch.load(file, weights_only=False)
model, optimizer, trainer = build()
model.load_state_dict(checkpoint["model"])
optimizer.load_state_dict(checkpoint["optimizer"])
trainer.load_state_dict(checkpoint["trainer"])
trainer.run(train_loader, max_epochs=40)
