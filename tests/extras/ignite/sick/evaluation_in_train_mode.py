# expect: evaluation-in-train-mode
# accept: evaluation-changes-state
# note: the evaluator's own step function leaves the model in training mode, so dropout and batch statistics are active
import torch
from ignite.engine import Engine, Events, create_supervised_trainer
from ignite.metrics import Accuracy, Loss
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


class DigitNet(nn.Module):
    def __init__(self, p=0.4):
        super().__init__()
        self.fc1 = nn.Linear(64, 128)
        self.bn1 = nn.BatchNorm1d(128)
        self.fc2 = nn.Linear(128, 64)
        self.bn2 = nn.BatchNorm1d(64)
        self.fc3 = nn.Linear(64, 10)
        self.drop = nn.Dropout(p)

    def forward(self, x):
        x = self.drop(torch.relu(self.bn1(self.fc1(x))))
        x = self.drop(torch.relu(self.bn2(self.fc2(x))))
        return self.fc3(x)


def load(seed):
    X, y = load_digits(return_X_y=True)
    X = (X - 4.88) / 6.02
    a, b, c, d = train_test_split(X, y, test_size=0.2, random_state=seed, stratify=y)
    train = TensorDataset(torch.tensor(a, dtype=torch.float32), torch.tensor(c))
    valid = TensorDataset(torch.tensor(b, dtype=torch.float32), torch.tensor(d))
    return DataLoader(train, batch_size=64, shuffle=True, drop_last=True), DataLoader(valid, batch_size=24)


def main():
    torch.manual_seed(0)
    train_loader, valid_loader = load(0)
    model = DigitNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=2e-3)

    def validation_step(engine, batch):
        inputs, labels = batch
        with torch.no_grad():
            outputs = model(inputs)  # fault
        return outputs, labels

    trainer = create_supervised_trainer(model, optimizer, criterion)
    evaluator = Engine(validation_step)
    Accuracy().attach(evaluator, "accuracy")
    Loss(criterion).attach(evaluator, "loss")

    @trainer.on(Events.EPOCH_COMPLETED)
    def validate(engine):
        evaluator.run(valid_loader)
        print(engine.state.epoch, engine.state.output, evaluator.state.metrics)

    trainer.run(train_loader, max_epochs=12)


if __name__ == "__main__":
    main()
