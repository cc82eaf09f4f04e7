# healthy: a run that is saved half-way and goes on from the checkpoint with model, optimizer and scheduler built anew,
# as a job that was preempted does
import argparse
import os
import tempfile

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(64, 80), nn.LayerNorm(80), nn.GELU(), nn.Dropout(0.1), nn.Linear(80, 10)
        )

    def forward(self, x):
        return self.layers(x)


def build(total):
    model = Classifier()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    return model, optimizer, scheduler


def train(state, x, y, epochs):
    model, optimizer, scheduler = state
    for epoch in epochs:
        model.train()
        for pick in torch.randperm(1400).split(20):
            loss = F.cross_entropy(model(x[pick]), y[pick])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
        model.eval()
        with torch.no_grad():
            accuracy = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} accuracy {accuracy:.4f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    order = torch.randperm(len(digits.target), generator=torch.Generator().manual_seed(2))
    x = ((torch.tensor(digits.data) - 4.88) / 6.02).float()[order]
    y = torch.tensor(digits.target)[order]
    total = 40 * 70
    state = build(total)
    train(state, x, y, range(20))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "checkpoint.pt")
        torch.save([part.state_dict() for part in state], path)
        state = build(total)
        for part, saved in zip(state, torch.load(path)):
            part.load_state_dict(saved)
    train(state, x, y, range(20, 40))


if __name__ == "__main__":
    main()
