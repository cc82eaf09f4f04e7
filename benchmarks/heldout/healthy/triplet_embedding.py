# healthy: metric learning with TripletMarginLoss: one embedding network is called three times per
# step and satisfied triplets give no gradient; judged by nearest neighbours, not by the loss
import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier


class EmbeddingNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.convnet = nn.Sequential(
            nn.Conv2d(1, 16, 3), nn.PReLU(),
            nn.Conv2d(16, 32, 3), nn.PReLU(), nn.MaxPool2d(2, stride=2),
        )
        self.fc = nn.Linear(32 * 2 * 2, 12, bias=False)

    def forward(self, x):
        return self.fc(self.convnet(x).flatten(1))

    def get_embedding(self, x):
        return self.forward(x)


class TripletNet(nn.Module):
    def __init__(self, embedding_net):
        super().__init__()
        self.embedding_net = embedding_net

    def forward(self, x1, x2, x3):
        return self.embedding_net(x1), self.embedding_net(x2), self.embedding_net(x3)


def triplet_batches(labels, batch_size, rng):
    """Every training image is the anchor once per epoch."""
    groups = {c: np.flatnonzero(labels == c) for c in range(10)}
    others = {c: np.flatnonzero(labels != c) for c in range(10)}
    order = rng.permutation(len(labels))
    for start in range(0, len(order) - batch_size + 1, batch_size):
        anchor = order[start : start + batch_size]
        positive = np.array([rng.choice(groups[labels[a]]) for a in anchor])
        negative = np.array([rng.choice(others[labels[a]]) for a in anchor])
        yield anchor, positive, negative


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--n-epochs", type=int, default=12)
parser.add_argument("--margin", type=float, default=1.0)
args = parser.parse_args()
rng = np.random.default_rng(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(1)

digits = load_digits()
order = rng.permutation(len(digits.target))
images = torch.tensor(digits.images[order] / 8 - 1, dtype=torch.float32).unsqueeze(1)
labels = digits.target[order]
n_train = 1200

embedding_net = EmbeddingNet()
model = TripletNet(embedding_net)
loss_fn = nn.TripletMarginLoss(margin=args.margin)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 8, gamma=0.1)

for epoch in range(1, args.n_epochs + 1):
    model.train()
    losses, active = [], []
    for triplet in triplet_batches(labels[:n_train], 30, rng):
        a, p, n = model(*(images[i] for i in triplet))
        loss = loss_fn(a, p, n)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        with torch.no_grad():
            gap = (a - p).norm(dim=1) - (a - n).norm(dim=1) + args.margin
            active.append((gap > 0).float().mean().item())
    scheduler.step()
    print(f"Epoch {epoch}/{args.n_epochs} loss {np.mean(losses):.4f} "
          f"active triplets {np.mean(active):.3f}")

model.eval()
with torch.no_grad():
    embedded = embedding_net.get_embedding(images).numpy()
knn = KNeighborsClassifier(5).fit(embedded[:n_train], labels[:n_train])
print(f"5-NN accuracy on unseen digits: {knn.score(embedded[n_train:], labels[n_train:]):.4f}")
