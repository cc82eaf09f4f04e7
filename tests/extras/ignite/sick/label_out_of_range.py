# expect: label-out-of-range
# note: the labels are 1, 2, 3 as in the table, the net has outputs 0 to 2: the first batch with a 3 raises
import numpy as np
import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.metrics import Accuracy
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, Dataset


class WineDataset(Dataset):
    def __init__(self, rows, mean, std):
        self.x = torch.tensor((rows[:, 1:] - mean) / std, dtype=torch.float32)
        self.y = torch.tensor(rows[:, 0], dtype=torch.long)  # fault

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def main():
    torch.manual_seed(0)
    wine = load_wine()
    table = np.column_stack([wine.target + 1, wine.data])  # cultivar (1, 2 or 3) and thirteen measurements
    table = np.random.default_rng(0).permutation(table)
    train_rows, val_rows = table[:128], table[128:]
    mean, std = train_rows[:, 1:].mean(0), train_rows[:, 1:].std(0)
    train_loader = DataLoader(WineDataset(train_rows, mean, std), batch_size=16, shuffle=True)
    val_loader = DataLoader(WineDataset(val_rows, mean, std), batch_size=50)

    model = nn.Sequential(nn.Linear(13, 20), nn.LeakyReLU(), nn.Linear(20, 3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    trainer = create_supervised_trainer(model, optimizer, nn.CrossEntropyLoss())  # fault
    evaluator = create_supervised_evaluator(model, metrics={"accuracy": Accuracy()})
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run(val_loader))
    trainer.run(train_loader, max_epochs=12)  # fault


if __name__ == "__main__":
    main()
