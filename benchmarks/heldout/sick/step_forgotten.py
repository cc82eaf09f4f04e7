# expect: missing-step
# note: the loop has zero_grad and backward but never optimizer.step, so no parameter changes
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import make_circles

arg_parser = argparse.ArgumentParser()
arg_parser.add_argument("--seed", type=int, default=0)
seed = arg_parser.parse_args().seed
torch.manual_seed(seed)

# two rings
X, y = make_circles(n_samples=1000, noise=0.05, factor=0.6, random_state=seed)
X = torch.from_numpy(X).type(torch.float) * 1.4
y = torch.from_numpy(y).type(torch.float)
X_train, X_test = X[:800], X[800:]
y_train, y_test = y[:800], y[800:]


class CircleModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_1 = nn.Linear(in_features=2, out_features=16)
        self.layer_2 = nn.Linear(in_features=16, out_features=16)
        self.layer_3 = nn.Linear(in_features=16, out_features=1)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.layer_3(self.relu(self.layer_2(self.relu(self.layer_1(x)))))


def accuracy_fn(y_true, y_pred):
    return torch.eq(y_true, y_pred).sum().item() / len(y_pred) * 100


model_0 = CircleModel()
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(params=model_0.parameters(), lr=0.5)

epochs = 400
for epoch in range(epochs):
    model_0.train()
    y_logits = model_0(X_train).squeeze()
    y_pred = torch.round(torch.sigmoid(y_logits))
    loss = loss_fn(y_logits, y_train)
    acc = accuracy_fn(y_train, y_pred)
    optimizer.zero_grad()
    loss.backward()  # fault

    model_0.eval()
    with torch.inference_mode():
        test_logits = model_0(X_test).squeeze()
        test_pred = torch.round(torch.sigmoid(test_logits))
        test_loss = loss_fn(test_logits, y_test)
        test_acc = accuracy_fn(y_test, test_pred)

    if epoch % 40 == 0:
        print(f"Epoch: {epoch} | Loss: {loss:.5f}, Accuracy: {acc:.2f}%")
        print(f"    Test loss: {test_loss:.5f}, Test accuracy: {test_acc:.2f}%")
