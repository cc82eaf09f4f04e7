# healthy: an endless stream (IterableDataset), a loop class with callbacks that log, evaluate and stop
import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset


class Stream(IterableDataset):
    """Noisy waves of one of four shapes, made as they are asked for."""

    def __init__(self, seed, noise=0.4):
        self.seed, self.noise = seed, noise

    def __iter__(self):
        generator = torch.Generator().manual_seed(self.seed)
        t = torch.linspace(0, 1, 40)
        while True:
            kind = int(torch.randint(4, (), generator=generator))
            phase = torch.rand((), generator=generator)
            wave = torch.sin(6.283 * (3 * t + phase))
            shape = (wave, wave.sign(), wave.abs() - 0.637, torch.asin(0.99 * wave))[kind]
            yield (shape + self.noise * torch.randn(40, generator=generator)).unsqueeze(0), kind


class Log:
    def __init__(self, every):
        self.every, self.total = every, 0.0

    def after_step(self, loop, loss):
        self.total += loss
        if loop.step % self.every == 0:
            print(f"step {loop.step} loss {self.total / self.every:.4f}")
            self.total = 0.0


class Evaluate:
    def __init__(self, every, batches):
        self.every, self.batches = every, batches

    def after_step(self, loop, loss):
        if loop.step % self.every:
            return
        loop.model.eval()
        with torch.no_grad():
            hits = [(loop.model(x).argmax(1) == y).float().mean().item() for x, y in self.batches]
        loop.model.train()
        print(f"step {loop.step} accuracy {sum(hits) / len(hits):.4f}")


class StopAt:
    def __init__(self, step):
        self.step = step

    def after_step(self, loop, loss):
        loop.running = loop.step < self.step


class Loop:
    def __init__(self, model, optimizer, callbacks):
        self.model, self.optimizer, self.callbacks = model, optimizer, callbacks
        self.step, self.running = 0, True

    def fit(self, loader):
        self.model.train()
        for x, y in loader:
            loss = nn.functional.cross_entropy(self.model(x), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.step += 1
            for callback in self.callbacks:
                callback.after_step(self, loss.item())
            if not self.running:
                break


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    source = iter(DataLoader(Stream(12345), batch_size=100))
    held = [next(source) for _ in range(4)]
    model = nn.Sequential(
        nn.Conv1d(1, 16, 7, padding=3), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(16, 32, 5, padding=2), nn.ReLU(),
        nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, 4),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loop = Loop(model, optimizer, [Log(200), Evaluate(400, held), StopAt(2400)])
    loop.fit(DataLoader(Stream(args.seed), batch_size=16))


if __name__ == "__main__":
    main()
