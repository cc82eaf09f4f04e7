# healthy: regression by a head of the library (num_labels=1), early stopping, targets scaled, Adafactor
import torch
from sklearn.datasets import load_diabetes
from torch.utils.data import Dataset
from transformers import EarlyStoppingCallback, PretrainedConfig, PreTrainedModel, Trainer, TrainingArguments, set_seed
from transformers.modeling_outputs import SequenceClassifierOutput


class TableConfig(PretrainedConfig):
    model_type = "table"

    def __init__(self, columns=10, hidden=24, **kwargs):
        super().__init__(**kwargs)
        self.columns, self.hidden = columns, hidden


class TableModel(PreTrainedModel):
    config_class = TableConfig

    def __init__(self, config):
        super().__init__(config)
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(config.columns, config.hidden), torch.nn.GELU(), torch.nn.Linear(config.hidden, 1)
        )
        self.post_init()

    def _init_weights(self, module):
        if isinstance(module, torch.nn.Linear):
            torch.nn.init.xavier_uniform_(module.weight)
            torch.nn.init.zeros_(module.bias)

    def forward(self, values, labels=None):
        logits = self.layers(values).squeeze(-1)
        loss = torch.nn.functional.mse_loss(logits, labels) if labels is not None else None
        return SequenceClassifierOutput(loss=loss, logits=logits)


class Table(Dataset):
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return {"values": self.x[i], "labels": self.y[i]}


set_seed(5)
x, y = load_diabetes(return_X_y=True)
x, y = torch.tensor(x / x.std(0), dtype=torch.float32), torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)
order = torch.randperm(len(x))
trainer = Trainer(
    TableModel(TableConfig()),
    TrainingArguments(
        "table", num_train_epochs=8, per_device_train_batch_size=32, learning_rate=5e-3, weight_decay=0.01,
        eval_strategy="epoch",
        save_strategy="epoch", logging_strategy="epoch", load_best_model_at_end=True, metric_for_best_model="eval_loss",
        greater_is_better=False, report_to="none", use_cpu=True, disable_tqdm=True,
    ),
    train_dataset=Table(x[order[:350]], y[order[:350]]),
    eval_dataset=Table(x[order[350:]], y[order[350:]]),
    callbacks=[EarlyStoppingCallback(3)],
)
trainer.train()
