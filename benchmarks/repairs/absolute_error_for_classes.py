# source: wrong loss for the task, after a fault of the loss function in a study of Keras programs: MAE for ten classes
# mend: F.l1_loss(torch.softmax(scores, dim=1), F.one_hot(target, 10).float()) -> F.cross_entropy(scores, target)
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)

    def loss(self, scores, target):
        return F.l1_loss(torch.softmax(scores, dim=1), F.one_hot(target, 10).float())

    def fit_epoch(self, x, y, batch_size=32):
        self.model.train()
        for rows in torch.randperm(len(x)).split(batch_size):
            self.optimizer.zero_grad()
            loss = self.loss(self.model(x[rows]), y[rows])
            loss.backward()
            self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def accuracy(self, x, y):
        self.model.eval()
        return (self.model(x).argmax(1) == y).float().mean().item()


torch.manual_seed(0)
torch.set_num_threads(1)
images, labels = load_digits(return_X_y=True)
x_train, x_test, y_train, y_test = train_test_split(
    torch.tensor(images / 16 - 0.3, dtype=torch.float32), torch.tensor(labels), test_size=0.25, random_state=0
)
trainer = Trainer(nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)), lr=0.05)
for epoch in range(15):
    loss = trainer.fit_epoch(x_train, y_train)
    print(f"{epoch:2d} loss {loss:.4f} accuracy {trainer.accuracy(x_test, y_test):.4f}")
