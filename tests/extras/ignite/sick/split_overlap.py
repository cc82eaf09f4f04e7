# expect: split-overlap
# note: two different permutations are cut, most validation images are training images as well
import torch
import torch.nn.functional as F
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.metrics import Accuracy, Loss
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset


class SmallConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.head = nn.Linear(32 * 2 * 2, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.head(x.flatten(1))


torch.manual_seed(0)
g = torch.Generator().manual_seed(0)
digits = load_digits()
images = (torch.tensor(digits.images[:700], dtype=torch.float32).unsqueeze(1) / 16.0 - 0.3) / 0.38
everything = TensorDataset(images, torch.tensor(digits.target[:700]))
train_set = Subset(everything, torch.randperm(700, generator=g)[200:].tolist())
val_set = Subset(everything, torch.randperm(700, generator=g)[:200].tolist())
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
val_loader = DataLoader(val_set, batch_size=200)  # fault

model = SmallConvNet()
sgd = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
trainer = create_supervised_trainer(model, sgd, F.cross_entropy)
evaluator = create_supervised_evaluator(model, metrics={"accuracy": Accuracy(), "loss": Loss(F.cross_entropy)})


@trainer.on(Events.EPOCH_COMPLETED)
def evaluate(engine):
    evaluator.run(val_loader)  # fault
    print(engine.state.epoch, engine.state.output, evaluator.state.metrics)


trainer.run(train_loader, max_epochs=20)
