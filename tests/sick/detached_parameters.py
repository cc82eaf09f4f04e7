# expect: detached-parameters
# note: forward detaches the last hidden state, so no gradient reaches the GRU and only the head
#       learns on top of a random recurrent encoder
# mend: hidden[-1].detach() -> hidden[-1]
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

LENGTH = 32


def make_waves(n, rng):
    """Sine, square and sawtooth waves with random period, phase and noise."""
    t = np.arange(LENGTH)[None, :]
    period = rng.uniform(6, 12, size=(n, 1))
    phase = rng.uniform(0, 1, size=(n, 1))
    cycle = (t / period + phase) % 1.0
    label = rng.integers(0, 3, size=n)
    shapes = np.stack(
        [np.sin(2 * np.pi * cycle), np.where(cycle < 0.5, 1.0, -1.0), 2 * cycle - 1]
    )
    wave = shapes[label, np.arange(n)] + 0.1 * rng.normal(size=(n, LENGTH))
    wave = wave / wave.std(axis=1, keepdims=True)
    return torch.tensor(wave, dtype=torch.float32).unsqueeze(-1), torch.tensor(label)


class WaveNet(nn.Module):
    def __init__(self, hidden_size=32, n_classes=3):
        super().__init__()
        self.rnn = nn.GRU(1, hidden_size, batch_first=True)
        self.fc = nn.Sequential(nn.Linear(hidden_size, 32), nn.ReLU(), nn.Linear(32, n_classes))

    def forward(self, x):
        _, hidden = self.rnn(x)
        summary = hidden[-1].detach()  # fault
        return self.fc(summary)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)

    train_loader = DataLoader(TensorDataset(*make_waves(1200, rng)), batch_size=48, shuffle=True)
    valid_loader = DataLoader(TensorDataset(*make_waves(300, rng)), batch_size=100)

    net = WaveNet()
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=6e-3)

    for epoch in range(1, 16):
        net.train()
        history = []
        for waves, labels in train_loader:
            optimizer.zero_grad()
            loss = loss_fn(net(waves), labels)
            loss.backward()
            optimizer.step()
            history.append(loss.item())

        net.eval()
        right = 0
        with torch.no_grad():
            for waves, labels in valid_loader:
                right += (net(waves).argmax(dim=-1) == labels).sum().item()
        mean_loss = sum(history) / len(history)
        print(f"epoch {epoch:2d}  loss {mean_loss:.4f}  accuracy {right / 300:.3f}")


if __name__ == "__main__":
    main()
