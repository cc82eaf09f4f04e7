# healthy: four positives in a hundred, drawn more often by a weighted sampler in training only,
# focal loss, final bias set to a prior; training batches are enriched and validation is not, most
# loss terms are near zero
import argparse
import math

import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler


def transactions(n, gen):
    x = torch.randn(n, 16, generator=gen)
    score = 1.6 * x[:, 0] + 1.6 * x[:, 1] * x[:, 2] - 1.2 * x[:, 3].abs() + x[:, 4]
    score = score + 0.5 * torch.randn(n, generator=gen)
    return x * (1 + torch.arange(16) / 8), (score > 3.6).float()


def focal(logits, y, gamma=1.5):
    ce = F.binary_cross_entropy_with_logits(logits, y, reduction="none")
    return (ce * (1 - (-ce).exp()) ** gamma).mean()


class Net(nn.Module):
    def __init__(self, prior):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(16, 64), nn.LeakyReLU(0.1), nn.Dropout(0.1),
            nn.Linear(64, 32), nn.LeakyReLU(0.1), nn.Dropout(0.1),
        )  # fmt: skip
        self.head = nn.Linear(32, 1)
        nn.init.constant_(self.head.bias, math.log(prior / (1 - prior)))

    def forward(self, x):
        return self.head(self.body(x)).flatten()


@torch.no_grad()
def evaluate(model, x, y):
    model.eval()
    z = model(x)
    loss = focal(z, y).item()
    return loss, average_precision_score(y, z.sigmoid()), roc_auc_score(y, z.sigmoid())


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    gen = torch.Generator().manual_seed(args.seed)
    x, y = transactions(8000, gen)
    xv, yv = transactions(3000, gen)
    mean, std = x.mean(0), x.std(0)
    x, xv = (x - mean) / std, (xv - mean) / std
    share = 0.25
    print(f"positives: train {y.mean():.3f} val {yv.mean():.3f}, drawn with share {share}")
    weights = torch.where(y > 0, share / y.sum(), (1 - share) / (1 - y).sum())
    sampler = WeightedRandomSampler(weights, len(y), replacement=True)
    loader = DataLoader(TensorDataset(x, y), batch_size=128, sampler=sampler)
    model = Net(share)
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    epochs = 8
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs * len(loader), eta_min=1e-4)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for xb, yb in loader:
            loss = focal(model(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            total += loss.item() * len(xb)
        v, ap_score, auc = evaluate(model, xv, yv)
        print(f"{epoch}: train {total / len(x):.4f} val {v:.4f} AP {ap_score:.3f} AUC {auc:.3f}")


if __name__ == "__main__":
    main()
