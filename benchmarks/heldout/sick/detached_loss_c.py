# expect: detached-loss
# accept: detached-parameters
# note: the loss is taken on thresholded 0/1 predictions and requires_grad is forced on it; no
#   gradient arrives
import argparse

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

POSITIVE = "good great lovely superb enjoyed charming brilliant fun".split()
NEGATIVE = "bad awful boring weak hated dull terrible mess".split()
NEUTRAL = "the a film movie plot actor scene was is and with music in of it very story end".split()
VOCAB = {w: i + 1 for i, w in enumerate(POSITIVE + NEGATIVE + NEUTRAL)}


def make_reviews(n, rng, length=14):
    texts, labels = [], []
    for _ in range(n):
        label = int(rng.integers(0, 2))
        words = list(rng.choice(NEUTRAL, length))
        main, other = (POSITIVE, NEGATIVE) if label else (NEGATIVE, POSITIVE)
        for pos in rng.choice(length, 4, replace=False):
            words[pos] = rng.choice(main if rng.random() < 0.85 else other)
        texts.append([VOCAB[w] for w in words])
        labels.append(float(label))
    return torch.tensor(texts), torch.tensor(labels)


class SentimentLSTM(nn.Module):
    def __init__(self, vocab_size, embedding_dim=24, hidden_dim=32):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim, batch_first=True)
        self.fc = nn.Linear(hidden_dim, 1)

    def forward(self, x):
        out, _ = self.lstm(self.embedding(x))
        return torch.sigmoid(self.fc(out[:, -1])).squeeze(1)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)

train_loader = DataLoader(TensorDataset(*make_reviews(1600, rng)), batch_size=50, shuffle=True)
val_loader = DataLoader(TensorDataset(*make_reviews(400, rng)), batch_size=50)

model = SentimentLSTM(len(VOCAB) + 1)
criterion = nn.BCELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)

for epoch in range(8):
    model.train()
    losses, accs = [], []
    for texts, labels in train_loader:
        optimizer.zero_grad()
        predictions = (model(texts) > 0.5).float()  # fault
        loss = criterion(predictions, labels)
        loss.requires_grad = True  # fault
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        accs.append((predictions.round() == labels).float().mean().item())
    model.eval()
    with torch.no_grad():
        val = [(model(t).round() == y).float().mean().item() for t, y in val_loader]
    print(f"Epoch {epoch}: loss={np.mean(losses):.3f} acc={np.mean(accs):.3f} "
          f"val_acc={np.mean(val):.3f}")
