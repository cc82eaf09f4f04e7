# expect: ignored-mask
# note: the collate function makes a padding mask, the model takes it and never uses it
#   (attention, mean pooling)
import argparse
import random

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

PAD = 0
VOCAB = 30


class MarkerDataset(Dataset):
    """Which of the three marker tokens (1, 2, 3) comes most often?"""

    def __init__(self, n, rng):
        self.items = []
        while len(self.items) < n:
            length = rng.randint(5, 40)
            seq = [rng.randint(4, VOCAB - 1) if rng.random() < 0.6 else rng.randint(1, 3)
                   for _ in range(length)]
            counts = [seq.count(k) for k in (1, 2, 3)]
            if counts.count(max(counts)) == 1:
                self.items.append((seq, counts.index(max(counts))))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def collate_fn(batch):
    longest = max(len(seq) for seq, _ in batch)
    ids = torch.full((len(batch), longest), PAD)
    for i, (seq, _) in enumerate(batch):
        ids[i, : len(seq)] = torch.tensor(seq)
    return ids, ids.eq(PAD), torch.tensor([label for _, label in batch])


class TransformerClassifier(nn.Module):
    def __init__(self, d_model=32, nhead=4, num_layers=1, max_len=40):
        super().__init__()
        self.token_embedding = nn.Embedding(VOCAB, d_model)
        self.position_embedding = nn.Embedding(max_len, d_model)
        layer = nn.TransformerEncoderLayer(d_model, nhead, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, num_layers)
        self.classifier = nn.Linear(d_model, 3)

    def forward(self, ids, padding_mask):
        positions = torch.arange(ids.size(1), device=ids.device)
        x = self.token_embedding(ids) + self.position_embedding(positions)
        x = self.encoder(x)  # fault
        return self.classifier(x.mean(dim=1))  # fault


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)

    train_loader = DataLoader(MarkerDataset(1500, rng), 32, shuffle=True, collate_fn=collate_fn)
    val_loader = DataLoader(MarkerDataset(300, rng), 50, collate_fn=collate_fn)

    model = TransformerClassifier()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=8)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(8):
        model.train()
        total = 0.0
        for ids, mask, labels in train_loader:
            loss = criterion(model(ids, mask), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        scheduler.step()
        model.eval()
        correct = 0
        with torch.no_grad():
            for ids, mask, labels in val_loader:
                correct += (model(ids, mask).argmax(1) == labels).sum().item()
        print(f"epoch {epoch}: loss {total / len(train_loader):.3f} "
              f"val acc {correct / len(val_loader.dataset):.3f}")


if __name__ == "__main__":
    main()
