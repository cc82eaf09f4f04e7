# healthy: a small transformer encoder on digit rows with Ignite's warm-up and cosine schedules
import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import CosineAnnealingScheduler, create_lr_scheduler_with_warmup
from ignite.metrics import Accuracy
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class RowEncoder(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.position = nn.Parameter(torch.zeros(1, 8, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(width, 10)

    def forward(self, rows):
        return self.head(self.encoder(self.embed(rows) + self.position).mean(1))


torch.manual_seed(0)
digits = load_digits()
dataset = TensorDataset(torch.tensor(digits.images, dtype=torch.float32) / 16 - 0.3, torch.tensor(digits.target))
train_set, val_set = random_split(dataset, [1500, 297])
train_loader = DataLoader(train_set, batch_size=50, shuffle=True)
val_loader = DataLoader(val_set, batch_size=297)
model = RowEncoder()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
epochs = 12
cosine = CosineAnnealingScheduler(optimizer, "lr", 3e-3, 1e-5, epochs * len(train_loader))
scheduler = create_lr_scheduler_with_warmup(cosine, warmup_start_value=1e-5, warmup_end_value=3e-3, warmup_duration=30)
trainer = create_supervised_trainer(model, optimizer, nn.CrossEntropyLoss())
trainer.add_event_handler(Events.ITERATION_STARTED, scheduler)
evaluator = create_supervised_evaluator(model, metrics={"accuracy": Accuracy()})


@trainer.on(Events.EPOCH_COMPLETED)
def validate(engine):
    evaluator.run(val_loader)
    print(engine.state.epoch, engine.state.output, evaluator.state.metrics, optimizer.param_groups[0]["lr"])


trainer.run(train_loader, max_epochs=epochs)
