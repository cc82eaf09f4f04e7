# healthy: a model of the user's own in the Trainer, weighted loss by compute_loss, gradients of two batches accumulated
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments


class Rows(Dataset):
    def __init__(self, x, y):
        self.x, self.y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return {"features": self.x[i], "labels": self.y[i]}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 2))

    def forward(self, features, labels=None):
        return {"logits": self.net(features)}


class WeightedTrainer(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        labels = inputs.pop("labels")
        outputs = model(**inputs)
        weight = torch.tensor([1.3, 0.8])
        loss = nn.functional.cross_entropy(outputs["logits"], labels, weight=weight)
        inputs["labels"] = labels
        return (loss, outputs) if return_outputs else loss


def main():
    x, y = load_breast_cancer(return_X_y=True)
    a, b, c, d = train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)
    scaler = StandardScaler().fit(a)
    args = TrainingArguments(
        "weighted", num_train_epochs=12, per_device_train_batch_size=16, gradient_accumulation_steps=2,
        learning_rate=2e-3, lr_scheduler_type="constant", eval_strategy="epoch", logging_strategy="epoch",
        report_to="none", save_strategy="no", use_cpu=True, disable_tqdm=True, seed=3, label_names=["labels"],
    )
    torch.manual_seed(3)
    train, test = Rows(scaler.transform(a), c), Rows(scaler.transform(b), d)
    trainer = WeightedTrainer(Net(), args, train_dataset=train, eval_dataset=test)
    trainer.train()


if __name__ == "__main__":
    main()
