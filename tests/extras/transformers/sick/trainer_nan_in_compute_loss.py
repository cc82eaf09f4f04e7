# expect: unsafe-loss-arithmetic
# accept: loss-not-finite
# note: the entropy of the predictions is added by p * log(p), which is NaN where p is exactly 0; the Trainer
#   leaves NaN out of the loss that it logs
import torch
from sklearn.datasets import load_digits
from torch import nn
from transformers import Trainer, TrainingArguments, set_seed


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))

    def forward(self, pixels, labels=None):
        return {"logits": self.net(pixels)}


class EntropyTrainer(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        logits = model(inputs["pixels"])["logits"]
        probs = torch.softmax(logits * 40, dim=-1)
        entropy = -(probs * torch.log(probs)).sum(-1).mean()  # fault
        return nn.functional.cross_entropy(logits, inputs["labels"]) - 0.01 * entropy


set_seed(0)
x, y = load_digits(return_X_y=True)
x = torch.tensor((x - x.mean()) / x.std(), dtype=torch.float32)
rows = [{"pixels": a, "labels": int(b)} for a, b in zip(x, y)]
args = TrainingArguments(
    "entropy", num_train_epochs=3, per_device_train_batch_size=32, learning_rate=3e-3, report_to="none",
    save_strategy="no", use_cpu=True, disable_tqdm=True, logging_steps=20,
)
EntropyTrainer(Net(), args, train_dataset=rows).train()
