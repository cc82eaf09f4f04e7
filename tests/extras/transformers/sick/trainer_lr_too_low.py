# expect: lr-too-low
# accept: tiny-updates, loss-flat
# note: the rate of fine-tuning a large model, for a tiny one from random weights
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from transformers import Trainer, TrainingArguments, set_seed


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, features, labels=None):
        logits = self.net(features)
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


set_seed(0)
x, y = load_breast_cancer(return_X_y=True)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
rows = [{"features": a, "labels": int(b)} for a, b in zip(x, y)]
args = TrainingArguments(
    "cancer", num_train_epochs=12, per_device_train_batch_size=16, learning_rate=2e-7, report_to="none",  # fault
    save_strategy="no", use_cpu=True, disable_tqdm=True,
)
Trainer(Net(), args, train_dataset=rows).train()  # fault
