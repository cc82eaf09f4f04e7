# expect: lr-too-high
# accept: loss-flat, dead-relu, huge-updates, loss-diverges, exploding-gradient
# note: SGD with a learning rate of 5; the loss jumps in the first steps, then stays near ln 10
import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.metrics import Accuracy
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


def loaders(batch_size):
    x, y = load_digits(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.2, random_state=2, stratify=y)
    mean, std = x_train.mean(), x_train.std()
    make = lambda a, b: TensorDataset(torch.tensor((a - mean) / std, dtype=torch.float32), torch.tensor(b))
    return (
        DataLoader(make(x_train, y_train), batch_size=batch_size, shuffle=True),
        DataLoader(make(x_val, y_val), batch_size=256),
    )


def main():
    torch.manual_seed(0)
    train_loader, val_loader = loaders(64)
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = optim.SGD(net.parameters(), lr=5.0)  # fault
    trainer = create_supervised_trainer(net, optimizer, nn.CrossEntropyLoss())
    evaluator = create_supervised_evaluator(net, metrics={"accuracy": Accuracy()})

    @trainer.on(Events.EPOCH_COMPLETED)
    def evaluate(engine):
        evaluator.run(val_loader)
        print(f"[{engine.state.epoch}] loss: {engine.state.output:.3f}  {evaluator.state.metrics}")

    trainer.run(train_loader, max_epochs=12)


if __name__ == "__main__":
    main()
