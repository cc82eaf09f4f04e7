"""Two LSTM layers on sequences with a period, which they can learn."""

import argparse
import json
import time

import torch
import torch.nn.functional as F
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--size", choices=["small", "full"], default="full")
parser.add_argument("--warm-up", type=int, default=3)
args = parser.parse_args()
width, length, batch, steps = {"small": (128, 32, 16, 300), "full": (256, 64, 32, 60)}[args.size]
vocabulary = 64


class LanguageModel(nn.Module):
    def __init__(self, vocabulary, width):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, width, num_layers=2, batch_first=True)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, tokens):
        states, _ = self.lstm(self.tokens(tokens))
        return self.head(states)


torch.manual_seed(0)
torch.set_num_threads(1)
motifs = torch.randint(0, vocabulary, (512, 8))
text = motifs.repeat(1, length // 8 + 1)[:, : length + 1]
model = LanguageModel(vocabulary, width)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

times = []
while len(times) < steps:
    for chosen in torch.randperm(len(text)).split(batch):
        times.append(time.process_time())
        logits = model(text[chosen, :-1])
        loss = F.cross_entropy(logits.transpose(1, 2), text[chosen, 1:])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if len(times) == steps:
            break

seconds = [after - before for before, after in zip(times[args.warm_up :], times[args.warm_up + 1 :])]
print(json.dumps({"step_seconds": seconds, "loss": loss.item()}))
