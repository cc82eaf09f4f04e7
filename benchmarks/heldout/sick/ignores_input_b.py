# expect: ignores-input
# accept: ignored-mask, collapsed-prediction
# note: the mask is true for words but masked_fill zeroes where it is true: only padding is pooled
import argparse
import random

import torch
import torch.nn.functional as F
from torch import nn, optim

TOPICS = {
    "kitchen": "oven flour spoon butter recipe dough pepper kettle plate onion",
    "sea": "harbour wave sailor anchor island gull storm net tide shore",
    "school": "pupil chalk lesson exam teacher pencil desk holiday grammar essay",
}
COMMON = "the a of and then we saw near with every old some little for it was"


def make_texts(n, rng):
    texts = []
    names, common = sorted(TOPICS), COMMON.split()
    for _ in range(n):
        label = rng.randrange(len(names))
        words = [rng.choice(common) for _ in range(rng.randint(5, 14))]
        for _ in range(rng.randint(2, 4)):
            words.insert(rng.randrange(len(words)), rng.choice(TOPICS[names[label]].split()))
        if rng.random() < 0.3:
            words.append(rng.choice(TOPICS[rng.choice(names)].split()))
        texts.append((words, label))
    return texts


def encode(texts, vocab, length=20):
    ids = torch.zeros(len(texts), length, dtype=torch.long)
    for row, (words, _) in enumerate(texts):
        ids[row, : len(words)] = torch.tensor([vocab[w] for w in words][:length])
    return ids, torch.tensor([label for _, label in texts])


class BagOfWords(nn.Module):
    def __init__(self, n_words, dim=32, n_classes=3):
        super().__init__()
        self.embedding = nn.Embedding(n_words, dim)
        self.hidden = nn.Linear(dim, dim)
        self.output = nn.Linear(dim, n_classes)

    def forward(self, ids):
        mask = ids != 0
        h = F.relu(self.hidden(self.embedding(ids)))
        h = h.masked_fill(mask.unsqueeze(-1), 0.0)  # fault
        pooled = h.sum(dim=1) / mask.sum(dim=1, keepdim=True)
        return self.output(pooled)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    texts = make_texts(1300, rng)
    words = sorted(set(" ".join([COMMON, *TOPICS.values()]).split()))
    vocab = {w: i for i, w in enumerate(words, start=1)}
    x, y = encode(texts[:1000], vocab)
    x_val, y_val = encode(texts[1000:], vocab)

    model = BagOfWords(len(vocab) + 1)
    optimizer = optim.AdamW(model.parameters(), lr=5e-3)
    for epoch in range(10):
        model.train()
        losses = []
        for rows in torch.randperm(len(x)).split(25):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
        acc = (logits.argmax(-1) == y_val).float().mean().item()
        val_loss = F.cross_entropy(logits, y_val).item()
        train_loss = sum(losses) / len(losses)
        print(f"epoch {epoch} loss {train_loss:.4f} val {val_loss:.4f} acc {acc:.3f}")


if __name__ == "__main__":
    main()
