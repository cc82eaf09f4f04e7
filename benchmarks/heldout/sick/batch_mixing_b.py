# expect: batch-mixing
# accept: batched-differs
# note: the transformer layers are built without batch_first and fed (batch, time, features), so
#       each sample attends to the other samples of its batch instead of to its own time steps
import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

LENGTH, SYMBOLS = 12, 8


class PairFinder(nn.Module):
    """Is the marker symbol followed, anywhere later, by its partner?"""

    def __init__(self, dim=32):
        super().__init__()
        self.symbol = nn.Embedding(SYMBOLS, dim)
        self.place = nn.Embedding(LENGTH, dim)
        layer = nn.TransformerEncoderLayer(dim, 4, dim_feedforward=64, dropout=0.0)  # fault
        self.encoder = nn.TransformerEncoder(layer, num_layers=2)
        self.score = nn.Linear(dim, 1)

    def forward(self, ids):
        h = self.symbol(ids) + self.place(torch.arange(LENGTH))
        h = self.encoder(h)  # fault
        return self.score(h.mean(dim=1)).squeeze(-1)


def make_sequences(n):
    """Symbol 0 occurs twice in every row; the label says whether 1 stands between the two."""
    ids = torch.randint(2, SYMBOLS, (n, LENGTH))
    label = torch.randint(0, 2, (n,))
    for row in range(n):
        a, b = sorted((torch.randperm(6)[:2] * 2).tolist())
        ids[row, a] = ids[row, b + 1] = 0
        inside = list(range(a + 1, b + 1))
        outside = [p for p in range(LENGTH) if p < a or p > b + 1]
        places = inside if label[row] or not outside else outside
        label[row] = int(places is inside)
        ids[row, places[torch.randint(0, len(places), ()).item()]] = 1
    return TensorDataset(ids, label.float())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    train_loader = DataLoader(make_sequences(1600), batch_size=40, shuffle=True)
    valid_loader = DataLoader(make_sequences(320), batch_size=40)
    model = PairFinder()
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
    for epoch in range(12):
        model.train()
        total = 0.0
        for ids, label in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(ids), label)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(label) / 1600
        model.eval()
        right = 0
        with torch.no_grad():
            for ids, label in valid_loader:
                right += ((model(ids) > 0) == (label > 0.5)).sum().item()
        print(f"epoch {epoch:2d}: loss {total:.4f}, valid accuracy {right / 320:.4f}")


if __name__ == "__main__":
    main()
