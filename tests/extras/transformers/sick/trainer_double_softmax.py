# expect: double-softmax
# note: the model gives probabilities, and the loss of the Trainer takes the softmax of them again
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from transformers import Trainer, TrainingArguments, set_seed


class Digits(torch.utils.data.Dataset):
    def __init__(self, x, y):
        self.x, self.y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return {"pixels": self.x[i], "labels": self.y[i]}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10), nn.Softmax(dim=-1))  # fault
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, pixels, labels=None):
        probs = self.layers(pixels)  # fault
        return {"loss": self.criterion(probs, labels), "logits": probs}  # fault


def accuracy(prediction):
    return {"accuracy": (prediction.predictions.argmax(-1) == prediction.label_ids).mean()}


if __name__ == "__main__":
    set_seed(0)
    x, y = load_digits(return_X_y=True)
    a, b, c, d = train_test_split(x / 16 - 0.305, y, test_size=0.2, random_state=0)
    args = TrainingArguments(
        "digits", num_train_epochs=8, per_device_train_batch_size=32, learning_rate=2e-3, eval_strategy="epoch",
        logging_strategy="epoch", report_to="none", save_strategy="no", use_cpu=True, disable_tqdm=True,
    )
    Trainer(Net(), args, train_dataset=Digits(a, c), eval_dataset=Digits(b, d), compute_metrics=accuracy).train()
