# expect: overwritten-pretraining
# note: the saved keys start with "0.", strict=False skips every one of them without a word
import argparse
import tempfile

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Backbone(nn.Module):
    def __init__(self, channels=24):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(1, channels, 9, stride=2),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 7, stride=2),
            nn.ReLU(),
            nn.Conv1d(channels, 2 * channels, 5),
            nn.ReLU(),
        )

    def forward(self, x):
        return self.net(x).mean(dim=-1)


def tones(n, notes, rng):
    """Short noisy recordings, each of one note with random phase and overtone."""
    label = rng.integers(0, len(notes), n)
    t = np.arange(80) / 80
    frequency = np.array(notes)[label][:, None] * rng.uniform(0.97, 1.03, (n, 1))
    phase = rng.uniform(0, 2 * np.pi, (2, n, 1))
    wave = np.sin(2 * np.pi * frequency * t + phase[0])
    wave += rng.uniform(0, 0.6, (n, 1)) * np.sin(4 * np.pi * frequency * t + phase[1])
    wave += rng.normal(0, 1.0, wave.shape)
    x = torch.tensor(wave / wave.std(), dtype=torch.float32).unsqueeze(1)
    return TensorDataset(x, torch.tensor(label))


def train(model, dataset, epochs, lr, batch_size):
    loader = DataLoader(dataset, batch_size, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
    for _ in range(epochs):
        model.train()
        for x, y in loader:
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        yield loss.item()


def accuracy(model, dataset):
    model.eval()
    x, y = dataset.tensors
    with torch.no_grad():
        return (model(x).argmax(dim=1) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)

    big = nn.Sequential(Backbone(), nn.Linear(48, 8))
    big_set = tones(1600, [4, 5.5, 7, 9, 11, 14, 17, 20], rng)
    for epoch, loss in enumerate(train(big, big_set, 8, 3e-3, 32)):
        print(f"base {epoch}: loss {loss:.4f} acc {accuracy(big, big_set):.3f}")
    with tempfile.TemporaryFile() as file:
        torch.save(big.state_dict(), file)
        file.seek(0)
        state = torch.load(file)

    small_set, test_set = tones(48, [6, 8, 10, 13], rng), tones(400, [6, 8, 10, 13], rng)
    backbone = Backbone()
    backbone.load_state_dict(state, strict=False)  # fault
    model = nn.Sequential(backbone, nn.Linear(48, 4))
    for epoch, loss in enumerate(train(model, small_set, 20, 1e-3, 12)):
        if epoch % 5 == 4:
            print(f"tuned {epoch}: loss {loss:.4f} test acc {accuracy(model, test_set):.3f}")


if __name__ == "__main__":
    main()
