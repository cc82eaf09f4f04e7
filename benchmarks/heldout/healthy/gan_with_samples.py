# healthy: a GAN on two moons with two optimizers; the losses balance each other and never settle; samples are drawn and
# scored without gradients now and then
import argparse

import torch
from sklearn.datasets import make_moons
from torch import nn


def net(n_in, n_out):
    return nn.Sequential(
        nn.Linear(n_in, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, n_out)
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=2500)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    data, _ = make_moons(4000, noise=0.05, random_state=args.seed)
    data = torch.tensor(data, dtype=torch.float32)
    data = (data - data.mean(0)) / data.std(0)
    generator, critic = net(8, 2), net(2, 1)
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=4e-4, betas=(0.5, 0.99))
    d_optimizer = torch.optim.Adam(critic.parameters(), lr=4e-4, betas=(0.5, 0.99))
    bce = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)
    for step in range(1, args.steps + 1):
        real = data[torch.randint(len(data), (64,))]
        fake = generator(torch.randn(64, 8))
        d_loss = bce(critic(real), 0.9 * ones) + bce(critic(fake.detach()), zeros)
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()

        g_loss = bce(critic(generator(torch.randn(64, 8))), ones)
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        if step % 250 == 0:
            generator.eval()
            with torch.no_grad():
                samples = generator(torch.randn(500, 8))
                distance = torch.cdist(samples, data).min(1).values.mean()
            generator.train()
            print(f"step {step} critic {d_loss.item():.3f} generator {g_loss.item():.3f} distance {distance:.3f}")


if __name__ == "__main__":
    main()
