# healthy: mixture density network for a one-to-many relation: negative log-likelihood below zero
# is right, softmax is applied inside the loss, and squared error would not even fall
import argparse
import math

import torch
import torch.nn as nn


class MDN(nn.Module):
    def __init__(self, n_hidden=48, n_gaussians=5):
        super().__init__()
        self.z_h = nn.Sequential(nn.Linear(1, n_hidden), nn.Tanh())
        self.z_pi = nn.Linear(n_hidden, n_gaussians)
        self.z_mu = nn.Linear(n_hidden, n_gaussians)
        self.z_log_sigma = nn.Linear(n_hidden, n_gaussians)
        nn.init.normal_(self.z_mu.weight, std=0.1)
        with torch.no_grad():
            self.z_mu.bias.copy_(torch.linspace(-1, 1, n_gaussians))

    def forward(self, x):
        h = self.z_h(x)
        return torch.log_softmax(self.z_pi(h), dim=-1), self.z_mu(h), self.z_log_sigma(h)


def mdn_loss(log_pi, mu, log_sigma, y):
    z = (y - mu) * torch.exp(-log_sigma)
    log_prob = -0.5 * z**2 - log_sigma - 0.5 * math.log(2 * math.pi)
    return -torch.logsumexp(log_pi + log_prob, dim=-1).mean()


def inverse_sinusoid(n):
    y = 2 * torch.rand(n, 1) - 1
    x = y + 0.35 * torch.sin(2 * math.pi * y) + 0.1 * torch.randn(n, 1)
    return x / 0.6, y


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n-iterations", type=int, default=600)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = inverse_sinusoid(2000)
    x_val, y_val = inverse_sinusoid(500)
    network = MDN()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [350, 500], gamma=0.3)
    for i in range(1, args.n_iterations + 1):
        batch = torch.randint(len(x), (200,))
        loss = mdn_loss(*network(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if i % 100 == 0:
            with torch.no_grad():
                log_pi, mu, log_sigma = network(x_val)
                val = mdn_loss(log_pi, mu, log_sigma, y_val).item()
                sse = ((log_pi.exp() * mu).sum(1) - y_val[:, 0]).square().mean().item()
            print(f"{i:4d} loss {loss.item():+.4f} val {val:+.4f} (mse of the mean {sse:.4f})")
    spread = 0.5 * math.log(2 * math.pi * math.e * y_val.var().item())
    print(f"one Gaussian for everything would give {spread:+.4f}")


if __name__ == "__main__":
    main()
