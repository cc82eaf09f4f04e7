# healthy: graph convolution for node classification, whole graph in every step; adjacency
# multiplication mixes all rows, most rows have a label that is masked out of the loss, the batch
# never changes
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
ap.add_argument("--hidden", type=int, default=32)
args = ap.parse_args()
rng = np.random.default_rng(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(1)

N, K, FEATURES = 700, 5, 24
community = rng.integers(0, K, N)
same = community[:, None] == community[None]
edges = np.triu(rng.random((N, N)) < np.where(same, 0.04, 0.005), 1)
adj = torch.tensor(edges | edges.T, dtype=torch.float32) + torch.eye(N)
inv = adj.sum(1).rsqrt()
adj = (inv[:, None] * adj * inv[None]).to_sparse()

signal = rng.normal(size=(K, FEATURES))
x = torch.tensor(0.5 * signal[community] + rng.normal(size=(N, FEATURES)), dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = torch.tensor(community)

order = torch.randperm(N)
split = {"train": order[:140], "val": order[140:300], "test": order[300:]}


class GraphConv(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.lin = nn.Linear(i, o, bias=False)
        self.bias = nn.Parameter(torch.zeros(o))

    def forward(self, x, adj):
        return torch.sparse.mm(adj, self.lin(x)) + self.bias


class GCN(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.c1, self.c2 = GraphConv(FEATURES, hidden), GraphConv(hidden, K)
        self.drop = nn.Dropout(0.5)

    def forward(self, x, adj):
        h = F.relu(self.c1(self.drop(x), adj))
        return F.log_softmax(self.c2(self.drop(h), adj), dim=1)


model = GCN(args.hidden)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)


def measure():
    model.eval()
    with torch.no_grad():
        logp = model(x, adj)
    result = {}
    for name, idx in split.items():
        loss = F.nll_loss(logp[idx], y[idx]).item()
        result[name] = (loss, (logp[idx].argmax(1) == y[idx]).float().mean().item())
    return result


for epoch in range(1, 151):
    model.train()
    optimizer.zero_grad()
    logp = model(x, adj)
    loss = F.nll_loss(logp[split["train"]], y[split["train"]])
    loss.backward()
    optimizer.step()
    if epoch % 25 == 0:
        r = measure()
        print(f"epoch {epoch} loss {loss.item():.3f} val {r['val'][0]:.3f} acc {r['val'][1]:.3f}")
print(f"test accuracy {measure()['test'][1]:.3f}")
