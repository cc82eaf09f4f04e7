# expect: lr-too-low
# accept: tiny-updates, loss-flat, stopped-early
# note: Adam at 1e-6; the loss hardly moves in the whole run and the accuracy stays near chance
from fastai.basics import *
from fastai.callback.all import *
from sklearn.datasets import load_digits


class ConvNet(Module):
    def __init__(self):
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, padding=1)
        self.fc1 = nn.Linear(32 * 4, 64)
        self.fc2 = nn.Linear(64, 10)
        self.dropout = nn.Dropout(0.25)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.dropout(F.relu(self.fc1(torch.flatten(x, 1))))
        return self.fc2(x)


set_seed(0)
digits = load_digits()
images = (torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16 - 0.305) / 0.376
items = list(zip(images, torch.tensor(digits.target)))
random.shuffle(items)
dls = DataLoaders.from_dsets(items[:1437], items[1437:], bs=48, num_workers=0)
learn = Learner(dls, ConvNet(), loss_func=CrossEntropyLossFlat(), metrics=accuracy)
with learn.no_bar():
    learn.fit(14, 1e-6)  # fault
