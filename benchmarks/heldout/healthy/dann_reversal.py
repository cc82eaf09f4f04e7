# healthy: domain-adversarial training: a gradient-reversal layer flips the sign of the domain
# loss for the trunk on purpose, so the domain loss is meant to stay near log 2 while the trunk
# works against it
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Function


class ReverseLayerF(Function):
    @staticmethod
    def forward(ctx, x, alpha):
        ctx.alpha = alpha
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output.neg() * ctx.alpha, None


class DANN(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.feature = nn.Sequential(
            nn.Linear(10, hidden), nn.Tanh(), nn.Linear(hidden, 24), nn.Tanh()
        )
        self.class_classifier = nn.Linear(24, 3)
        self.domain_classifier = nn.Sequential(nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))

    def forward(self, x, alpha=0.0):
        feature = self.feature(x)
        domain = self.domain_classifier(ReverseLayerF.apply(feature, alpha)).squeeze(1)
        return self.class_classifier(feature), domain


def make_domain(n, shift, rng, centres):
    """The first six features tell the class, the last four shift between the domains."""
    y = rng.integers(0, 3, n)
    useful = 1.1 * centres[y] + rng.normal(0, 1.0, (n, 6))
    style = rng.normal(0, 0.7, (n, 4)) + shift * (1 + 0.5 * np.eye(4)[y])
    x = np.concatenate([useful, style], axis=1)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y)


def accuracy(model, x, y):
    with torch.no_grad():
        return (model(x)[0].argmax(1) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--strength", type=float, default=0.3)
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    centres = np.repeat(np.eye(3), 2, axis=1) * 1.6
    source_x, source_y = make_domain(1500, -0.4, rng, centres)
    target_x, _ = make_domain(1500, 0.4, rng, centres)
    test_x, test_y = make_domain(500, 0.4, rng, centres)

    model = DANN()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batches = 30
    for epoch in range(args.epochs):
        model.train()
        sums = np.zeros(2)
        order_s, order_t = torch.randperm(1500), torch.randperm(1500)
        for k, (s, t) in enumerate(zip(order_s.split(50), order_t.split(50))):
            progress = (epoch * batches + k) / (args.epochs * batches)
            alpha = args.strength * (2 / (1 + np.exp(-10 * progress)) - 1)
            class_out, domain_s = model(source_x[s], alpha)
            _, domain_t = model(target_x[t], alpha)
            err_label = F.cross_entropy(class_out, source_y[s])
            err_domain = F.binary_cross_entropy_with_logits(
                torch.cat([domain_s, domain_t]), torch.cat([torch.zeros(50), torch.ones(50)])
            )
            loss = err_label + err_domain
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            sums += (err_label.item() / batches, err_domain.item() / batches)
        model.eval()
        print(f"epoch {epoch} label loss {sums[0]:.4f} domain loss {sums[1]:.4f} source acc "
              f"{accuracy(model, source_x, source_y):.3f} target acc "
              f"{accuracy(model, test_x, test_y):.3f}")


if __name__ == "__main__":
    main()
