# healthy: attention over neighbours in many small graphs packed into one dense batch: masked
# softmax over neighbours, mean over real nodes only, padding nodes never mix in
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F

NODES = 12


def random_graphs(n, gen):
    """Is the marked node joined to more red nodes than blue ones?"""
    count = torch.randint(7, NODES + 1, (n, 1), generator=gen)
    real = torch.arange(NODES) < count
    upper = torch.triu(torch.rand(n, NODES, NODES, generator=gen) < 0.35, diagonal=1)
    adj = (upper | upper.transpose(1, 2)) & real[:, :, None] & real[:, None, :]
    colour = torch.randint(0, 2, (n, NODES), generator=gen)
    marked = F.one_hot((torch.rand(n, 1, generator=gen) * count).long()[:, 0], NODES)
    signed = (2 * colour - 1) * real
    score = (adj.float() @ signed.unsqueeze(2).float()).squeeze(2)
    score = (score * marked).sum(1)
    noise = torch.randn(n, NODES, 2, generator=gen)
    x = torch.stack([signed.float(), marked.float()], dim=2)
    x = torch.cat([x, noise * real.unsqueeze(2)], dim=2)
    keep = score != 0
    return x[keep], adj[keep], real[keep], (score[keep] > 0).long()


class GraphAttention(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.value = nn.Linear(n_in, n_out)
        self.source = nn.Linear(n_out, 1, bias=False)
        self.target = nn.Linear(n_out, 1, bias=False)
        self.skip = nn.Linear(n_in, n_out)

    def forward(self, x, adj):
        v = self.value(x)
        logits = F.leaky_relu(self.target(v) + self.source(v).transpose(1, 2), 0.2)
        weights = logits.masked_fill(~adj, -1e9).softmax(dim=-1) * adj
        return F.elu(weights @ v + self.skip(x))


class GraphClassifier(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gat1, self.gat2 = GraphAttention(4, hidden), GraphAttention(hidden, hidden)
        self.readout = nn.Linear(2 * hidden, 2)

    def forward(self, x, adj, real):
        loops = adj | torch.eye(NODES, dtype=torch.bool)
        h = self.gat2(self.gat1(x, loops), loops)
        real = real.unsqueeze(2)
        mean = (h * real).sum(1) / real.sum(1)
        top = h.masked_fill(~real, float("-inf")).amax(1)
        return self.readout(torch.cat([mean, top], dim=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(args.seed)
    train, val = random_graphs(4000, gen), random_graphs(800, gen)
    model = GraphClassifier()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3, weight_decay=1e-5)
    n = len(train[3])
    for epoch in range(5):
        model.train()
        running = 0.0
        for idx in torch.randperm(n).split(64):
            x, adj, real, y = (t[idx] for t in train)
            loss = F.cross_entropy(model(x, adj, real), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item() * len(y)
        model.eval()
        with torch.no_grad():
            out = model(*val[:3])
            acc = (out.argmax(1) == val[3]).float().mean().item()
            val_loss = F.cross_entropy(out, val[3]).item()
        print(f"epoch {epoch} train {running / n:.4f} val {val_loss:.4f} acc {acc:.4f}")
