"""Small training scripts, each of which makes NaN or infinity in its own way; `# here` marks the line to blame."""

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n\ntorch.manual_seed(0)\n"
# The line that is to blame is marked by `# here`; the rest of each script is as people write it.
LOG_OF_ZERO = (
    HEAD
    + """
from torch.utils.data import DataLoader, TensorDataset

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(4, 8)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        scores = self.out(self.drop(torch.relu(self.hidden(x))))
        return torch.log(torch.softmax(scores, dim=1))  # here

X, Y = torch.randn(160, 4), torch.randint(0, 3, (160,))
X[77] *= 1e5
model = Net()
optimizer = torch.optim.Adam(model.parameters())
for epoch in range(2):
    for x, y in DataLoader(TensorDataset(X, Y), 32, shuffle=True):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), F.one_hot(y, 3).float())
        loss.backward()
        optimizer.step()
"""
)
# Only in backward; batches made by hand in a function; the loss is the user's own.
ROOT_OF_ZERO = (
    HEAD
    + """
X = torch.randn(96, 5)
X[40] = 0.0

def lengths(h):
    return torch.sqrt((h * h).sum(1))  # here

def train():
    model = nn.Linear(5, 16, bias=False)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    order = torch.randperm(96)
    for start in range(0, 96, 32):
        batch = X[order[start : start + 32]]
        loss = (lengths(model(batch)) - 1).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

train()
"""
)
ZERO_SPREAD = (
    HEAD
    + """
class Standardise(nn.Module):
    def forward(self, x):
        return (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True)  # here

X, Y = torch.rand(64, 10), torch.rand(64, 1)
X[44] = 0.5
model = nn.Sequential(Standardise(), nn.Linear(10, 8), nn.Tanh(), nn.Linear(8, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for i in range(0, 64, 32):
    optimizer.zero_grad()
    F.mse_loss(model(X[i : i + 32]), Y[i : i + 32]).backward()
    optimizer.step()
"""
)
EXP_OVERFLOW = (
    HEAD
    + """
X, Y = torch.rand(24, 6), torch.rand(24, 1)
X[7] = 60.0
model = nn.Linear(6, 1)
nn.init.ones_(model.weight)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
for step in range(3):
    z = model(X)
    p = torch.exp(z) / (1 + torch.exp(z))  # here
    loss = ((p - Y) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
)
HALF_OVERFLOW = (
    HEAD
    + """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.drop, self.head = nn.Linear(16, 32), nn.Dropout(0.1), nn.Linear(32, 4)

    def forward(self, x):
        h = self.drop(self.embed(x))
        return self.head((h * h).half().float())  # here

X, Y = torch.randn(96, 16), torch.randint(0, 4, (96,))
X[42] *= 1e4
model = Net()
optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
for i in range(0, 96, 32):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = F.cross_entropy(model(X[i : i + 32]), Y[i : i + 32])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
)
NAN_IN_DATA = (
    HEAD
    + """
from torch.utils.data import DataLoader, Dataset

class Table(Dataset):
    def __init__(self):
        self.x, self.y = torch.randn(96, 7), torch.randn(96, 1)
        self.x[83, 2] = float("nan")

    def __len__(self):
        return 96

    def __getitem__(self, i):
        return {"features": self.x[i], "target": self.y[i]}

def main():
    net = nn.Sequential(nn.Linear(7, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(net.parameters(), 0.01)
    for batch in DataLoader(Table(), batch_size=32):
        loss = ((net(batch["features"]) - batch["target"]) ** 2).mean()  # here
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

if __name__ == "__main__":
    main()
"""
)
MASKED_ROW = (
    HEAD
    + """
class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query, self.key, self.out = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 2)

    def forward(self, x, lengths):
        scores = self.query(x) @ self.key(x).transpose(1, 2)
        padding = torch.arange(x.shape[1])[None, :] >= lengths[:, None]
        scores = scores.masked_fill(padding[:, None, :], float("-inf"))
        return self.out((scores.softmax(-1) @ x).mean(1))  # here

model = Attention()
optimizer = torch.optim.SGD(model.parameters(), 0.1)
for step in range(4):
    x, lengths, y = torch.randn(16, 5, 8), torch.randint(1, 6, (16,)), torch.randint(0, 2, (16,))
    if step == 2:
        lengths[9] = 0
    loss = F.cross_entropy(model(x, lengths), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
)
LARGE_WEIGHTS = (
    HEAD
    + """
X, Y = torch.randn(32, 6), torch.randn(32, 1)
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=1e4)
for step in range(20):
    optimizer.zero_grad()
    loss = F.mse_loss(model(X), Y)  # here
    loss.backward()
    optimizer.step()
"""
)
ZERO_TIMES_INFINITY = (
    HEAD
    + """
def weighted(out, y, weight):
    distance = 1 / (out.detach() * 0 + y).abs()  # here
    return ((out - y).square() * distance * weight).mean()

model = nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), 0.01)
for step in range(3):
    x, y = torch.randn(12, 3), torch.randn(12, 1)
    weight = torch.ones(12, 1)
    if step == 1:
        y[4], weight[4] = 0.0, 0.0
    loss = weighted(model(x), y, weight)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
)
STEP_IN_METHOD = (
    HEAD
    + """
class Task:
    def __init__(self):
        self.model = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 1))

    def step(self, batch):
        x, y = batch
        return F.mse_loss(torch.log(self.model(x=x.float()) if False else self.model(x.float()).exp() - y), y)  # here

task = Task()
optimizer = torch.optim.SGD(task.model.parameters(), 0.001)
for i in range(4):
    batch = (torch.randn(10, 3).double(), torch.full((10, 1), -1.0))
    if i == 2:
        batch[1][7] = 1e3
    optimizer.zero_grad()
    task.step(batch).backward()
    optimizer.step()
"""
)
