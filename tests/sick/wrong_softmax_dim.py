# expect: wrong-softmax-dim
# note: the log-softmax normalises over the samples of the batch (dim 0) instead of the classes; the
#       loss starts at log(batch size) and stays high although accuracy looks fine
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--lr", type=float, default=0.003)
args = parser.parse_args()

np.random.seed(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(1)

X, Y = load_digits(return_X_y=True)
X = (X.astype("float32") - 4.88) / 6.02
X_train, X_test, Y_train, Y_test = train_test_split(X, Y, test_size=0.2, random_state=args.seed)
X_train, X_test = torch.from_numpy(X_train), torch.from_numpy(X_test)
Y_train, Y_test = torch.from_numpy(Y_train), torch.from_numpy(Y_test)

model = nn.Sequential(
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Linear(64, 32),
    nn.ReLU(),
    nn.Linear(32, 10),
    nn.LogSoftmax(dim=0),  # fault
)
nll = nn.NLLLoss()
optimizer = torch.optim.RMSprop(model.parameters(), lr=args.lr, alpha=0.95)

batch_size = 48
for epoch in range(12):
    perm = np.random.permutation(len(X_train))
    model.train()
    train_loss = 0.0
    for start in range(0, len(perm) - batch_size + 1, batch_size):
        rows = perm[start : start + batch_size]
        optimizer.zero_grad()
        log_prob = model(X_train[rows])
        loss = nll(log_prob, Y_train[rows])
        loss.backward()
        optimizer.step()
        train_loss += loss.item()
    train_loss /= len(perm) // batch_size

    model.eval()
    with torch.no_grad():
        log_prob = model(X_test)
        accuracy = (log_prob.argmax(1) == Y_test).float().mean().item()
    print(f"epoch {epoch:2d} | loss {train_loss:.4f} | test accuracy {accuracy:.4f}")
