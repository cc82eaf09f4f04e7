# healthy: graph convolution on one graph, full batch: every node's output depends on its
# neighbours (including test nodes) on purpose, and only masked nodes enter the loss
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F


def stochastic_block_model(n_per_class, n_classes, n_feat, p_in, p_out, gen):
    y = torch.arange(n_classes).repeat_interleave(n_per_class)
    y = y[torch.randperm(len(y), generator=gen)]
    same = y[:, None] == y[None, :]
    prob = torch.where(same, p_in, p_out)
    upper = torch.triu(torch.rand(len(y), len(y), generator=gen) < prob, diagonal=1)
    adj = (upper | upper.t()).float()
    centres = torch.randn(n_classes, n_feat, generator=gen)
    x = 0.35 * centres[y] + torch.randn(len(y), n_feat, generator=gen)
    return x, y, adj


def normalize(adj):
    adj = adj + torch.eye(len(adj))
    d = adj.sum(1).rsqrt()
    return d[:, None] * adj * d[None, :]


class GraphConvolution(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(in_features, out_features))
        self.bias = nn.Parameter(torch.zeros(out_features))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, adj):
        return adj @ (x @ self.weight) + self.bias


class GCN(nn.Module):
    def __init__(self, nfeat, nhid, nclass, dropout):
        super().__init__()
        self.gc1 = GraphConvolution(nfeat, nhid)
        self.gc2 = GraphConvolution(nhid, nclass)
        self.dropout = dropout

    def forward(self, x, adj):
        x = F.relu(self.gc1(x, adj))
        x = F.dropout(x, self.dropout, training=self.training)
        return F.log_softmax(self.gc2(x, adj), dim=1)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--epochs", type=int, default=100)
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--weight_decay", type=float, default=5e-4)
parser.add_argument("--hidden", type=int, default=16)
parser.add_argument("--dropout", type=float, default=0.4)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

gen = torch.Generator().manual_seed(args.seed)
features, labels, adj = stochastic_block_model(100, 4, 24, 0.06, 0.008, gen)
adj = normalize(adj)
perm = torch.randperm(len(labels), generator=gen)
idx_train, idx_val, idx_test = perm[:140], perm[140:240], perm[240:]

model = GCN(features.size(1), args.hidden, 4, args.dropout)
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)


def accuracy(output, idx):
    return (output[idx].argmax(1) == labels[idx]).float().mean().item()


for epoch in range(1, args.epochs + 1):
    model.train()
    optimizer.zero_grad()
    output = model(features, adj)
    loss_train = F.nll_loss(output[idx_train], labels[idx_train])
    loss_train.backward()
    optimizer.step()

    model.eval()
    with torch.no_grad():
        output = model(features, adj)
        loss_val = F.nll_loss(output[idx_val], labels[idx_val])
    if epoch % 25 == 0:
        print(f"Epoch: {epoch:04d} loss_train: {loss_train.item():.4f} "
              f"loss_val: {loss_val.item():.4f} acc_val: {accuracy(output, idx_val):.4f}")

print(f"Test set results: accuracy= {accuracy(output, idx_test):.4f}")
