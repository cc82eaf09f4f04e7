# source: missing activation between dense layers, as in a much read question on a net that cannot separate rings
# mend: nn.Linear(2, 32), -> nn.Linear(2, 32),\n    nn.ReLU(),
# mend: nn.Linear(32, 32), -> nn.Linear(32, 32),\n    nn.ReLU(),
import torch
import torch.nn.functional as F
from sklearn.datasets import make_circles
from sklearn.model_selection import train_test_split
from torch import nn

torch.manual_seed(2)
torch.set_num_threads(1)
X, y = make_circles(n_samples=1600, noise=0.06, factor=0.4, random_state=2)
X, y = torch.as_tensor(X, dtype=torch.float32), torch.as_tensor(y)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=2)

model = nn.Sequential(
    nn.Linear(2, 32),
    nn.Linear(32, 32),
    nn.Linear(32, 2),
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)

for epoch in range(25):
    model.train()
    for rows in torch.randperm(len(X_train)).split(40):
        optimizer.zero_grad()
        F.cross_entropy(model(X_train[rows]), y_train[rows]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        scores = model(X_test)
        print(f"{epoch}: {F.cross_entropy(scores, y_test):.4f} {(scores.argmax(1) == y_test).double().mean():.4f}")
