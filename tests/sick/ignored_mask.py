# expect: ignored-mask
# accept: batched-differs
# note: the padding mask is used for the pooling but not given to the encoder, so real tokens attend
#       to the padding and the prediction depends on how far a sentence was padded
import argparse
import random

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

GOOD = "lovely great superb charming bright funny warm moving clever fresh".split()
BAD = "awful boring clumsy dull slow noisy stale bleak messy weak".split()
FILL = "the film was a story of two friends and their long trip to sea with music by some".split()
VOCAB = {w: i + 1 for i, w in enumerate(sorted(set(GOOD + BAD + FILL)))}
PAD = 0


def make_review(rng):
    label = rng.randint(0, 1)
    strong, weak = (GOOD, BAD) if label else (BAD, GOOD)
    n_weak = rng.randint(0, 2)
    words = rng.sample(strong, n_weak + rng.randint(1, 3)) + rng.sample(weak, n_weak)
    words += [rng.choice(FILL) for _ in range(rng.randint(2, 14))]
    rng.shuffle(words)
    return torch.tensor([VOCAB[w] for w in words]), label


def collate(batch):
    tokens = pad_sequence([t for t, _ in batch], batch_first=True, padding_value=PAD)
    labels = torch.tensor([y for _, y in batch])
    return tokens, tokens == PAD, labels


class ReviewEncoder(nn.Module):
    def __init__(self, vocab_size, dim=32):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, dim)
        self.position = nn.Parameter(0.02 * torch.randn(32, dim))
        layer = nn.TransformerEncoderLayer(dim, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.fc = nn.Linear(dim, 2)

    def forward(self, tokens, pad_mask):
        h = self.embed(tokens) + self.position[: tokens.size(1)]
        h = self.encoder(h)  # fault
        keep = (~pad_mask).unsqueeze(-1).float()
        pooled = (h * keep).sum(1) / keep.sum(1)
        return self.fc(pooled)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = random.Random(args.seed)

    train_data = [make_review(rng) for _ in range(1200)]
    val_data = [make_review(rng) for _ in range(300)]
    train_loader = DataLoader(train_data, batch_size=32, shuffle=True, collate_fn=collate)
    val_loader = DataLoader(val_data, batch_size=50, collate_fn=collate)

    model = ReviewEncoder(len(VOCAB) + 1)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(6):
        model.train()
        total = 0.0
        for tokens, pad_mask, labels in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(tokens, pad_mask), labels)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        model.eval()
        correct = 0
        with torch.no_grad():
            for tokens, pad_mask, labels in val_loader:
                correct += (model(tokens, pad_mask).argmax(1) == labels).sum().item()
        print(f"epoch {epoch}: loss {total / 1200:.4f}, val accuracy {correct / 300:.3f}")


if __name__ == "__main__":
    main()
