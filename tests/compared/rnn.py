"""A GRU that predicts the next of 12 tokens, with clipping and a schedule; `--change` changes one thing."""

import argparse

import torch
import torch.nn.functional as F
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--change", default="")
args = parser.parse_args()
change = args.change

torch.manual_seed(args.seed)
tokens = (torch.arange(2000) * torch.randint(1, 4, (2000,))).cumsum(0) % 12
embedding, gru, head = nn.Embedding(12, 16), nn.GRU(16, 32, batch_first=True), nn.Linear(32, 12)
net = nn.ModuleDict({"embedding": embedding, "gru": gru, "head": head})
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
gamma = 0.1 if change == "schedule" else 0.5
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 20, gamma)
for _ in range(40):
    starts = torch.randint(0, 1900, (16,))
    batch = torch.stack([tokens[s : s + 25] for s in starts])
    optimizer.zero_grad()
    hidden, _state = gru(embedding(batch[:, :-1]))
    loss = F.cross_entropy(head(hidden).flatten(0, 1), batch[:, 1:].flatten())
    loss.backward()
    if change != "no clipping":
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
