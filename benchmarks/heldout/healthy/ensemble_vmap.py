# healthy: eight classifiers trained at once through vmap over stacked weights; the module itself
# lives on the meta device and is never trained, the weights are plain tensors, the sum of the
# members' losses is minimised
import argparse
import copy

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from torch import nn
from torch.func import functional_call, stack_module_state, vmap

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
ap.add_argument("--members", type=int, default=8)
args = ap.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)


def member():
    return nn.Sequential(
        nn.Linear(13, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 3)
    )


x, y = load_wine(return_X_y=True)
x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
x, xv, y, yv = train_test_split(x, y, test_size=0.3, random_state=args.seed, stratify=y)
mean, std = x.mean(0), x.std(0)
x, xv = (x - mean) / std, (xv - mean) / std

models = [member() for _ in range(args.members)]
params, _ = stack_module_state(models)
skeleton = copy.deepcopy(models[0]).to("meta")


def forward(p, inputs):
    return functional_call(skeleton, p, (inputs,))


optimizer = torch.optim.AdamW(params.values(), lr=3e-3, weight_decay=0.02)
each = vmap(forward, in_dims=(0, 0))
shared = vmap(forward, in_dims=(0, None))

for epoch in range(1, 33):
    orders = torch.stack([torch.randperm(len(x)) for _ in range(args.members)])
    total = 0.0
    for idx in orders.split(31, dim=1):
        logits = each(params, x[idx] + 0.2 * torch.randn(*idx.shape, 13))
        losses = F.cross_entropy(logits.permute(0, 2, 1), y[idx], reduction="none").mean(1)
        optimizer.zero_grad()
        losses.sum().backward()
        optimizer.step()
        total += losses.mean().item() * idx.shape[1]
    if epoch % 8 == 0:
        with torch.no_grad():
            probs = shared(params, xv).softmax(-1)
        single = (probs.argmax(-1) == yv).float().mean()
        mixed = probs.mean(0)
        nll = F.nll_loss(mixed.log(), yv)
        joint = (mixed.argmax(-1) == yv).float().mean()
        print(
            f"epoch {epoch} train {total / len(x):.3f} val nll {nll:.3f} "
            f"single {single:.3f} ensemble {joint:.3f}"
        )
