# expect: target-in-input
# note: the target is not shifted by one, the net is asked for the letter that it is shown
import argparse
import math

import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from torch import nn


class CharModel(nn.Module):
    def __init__(self, vocab, dim=32, hidden=64):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.rnn = nn.GRU(dim, hidden, batch_first=True)
        self.out = nn.Linear(hidden, vocab)

    def forward(self, ids):
        states, _ = self.rnn(self.embed(ids))
        return self.out(states)


def get_batch(data, size, block, generator):
    starts = torch.randint(0, len(data) - block - 1, (size,), generator=generator)
    x = torch.stack([data[s : s + block] for s in starts])
    y = torch.stack([data[s : s + block] for s in starts])  # fault
    return x, y


@torch.no_grad()
def estimate_loss(model, data, block):
    model.eval()
    generator = torch.Generator().manual_seed(1)
    losses = []
    for _ in range(5):
        x, y = get_batch(data, 32, block, generator)
        losses.append(F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item())
    model.train()
    return sum(losses) / len(losses)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--block", type=int, default=32)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    text = load_wine().DESCR + load_breast_cancer().DESCR + load_iris().DESCR
    chars = sorted(set(text))
    index = {c: i for i, c in enumerate(chars)}
    data = torch.tensor([index[c] for c in text])
    n = int(0.85 * len(data))
    train_data, val_data = data[:n], data[n:]
    print(f"{len(data)} characters, {len(chars)} distinct")

    model = CharModel(len(chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    generator = torch.Generator().manual_seed(args.seed)
    for step in range(1, args.steps + 1):
        x, y = get_batch(train_data, 24, args.block, generator)
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 30 == 0:
            val = estimate_loss(model, val_data, args.block)
            print(f"step {step}: train {loss:.4f} val {val:.4f} perplexity {math.exp(val):.2f}")


if __name__ == "__main__":
    main()
