# healthy: LBFGS with a closure on the full (small) data set; the closure runs forward and
# backward several times per step, and every gradient after the first few steps is tiny because it
# converges
import argparse

import numpy as np
import torch
import torch.nn as nn


def target(x):
    return np.sin(3 * x[:, :1]) * np.exp(-(x[:, 1:] ** 2)) + 0.5 * x[:, 1:]


def sample(n, noise, rng):
    x = rng.uniform(-1.5, 1.5, (n, 2))
    y = target(x) + noise * rng.standard_normal((n, 1))
    return torch.from_numpy(x), torch.from_numpy(y)


def main():
    parser = argparse.ArgumentParser(description="fit a smooth surface")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    opt = parser.parse_args()
    np.random.seed(opt.seed)
    torch.manual_seed(opt.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(opt.seed)

    x, y = sample(500, 0.05, rng)
    test_x, test_y = sample(300, 0.05, rng)

    seq = nn.Sequential(nn.Linear(2, 20), nn.Tanh(), nn.Linear(20, 20), nn.Tanh(), nn.Linear(20, 1))
    seq.double()
    criterion = nn.MSELoss()
    # the whole data set is one batch, as LBFGS wants it
    optimizer = torch.optim.LBFGS(seq.parameters(), lr=0.5, max_iter=10, history_size=20)

    for i in range(opt.steps):

        def closure():
            optimizer.zero_grad()
            out = seq(x)
            loss = criterion(out, y)
            loss.backward()
            return loss

        loss = optimizer.step(closure)
        if i % 3 == 0 or i == opt.steps - 1:
            with torch.no_grad():
                test_loss = criterion(seq(test_x), test_y)
            print(f"STEP {i}: loss {loss.item():.6f} test loss {test_loss.item():.6f}")

    r2 = 1 - test_loss.item() / test_y.var().item()
    print(f"test R2 {r2:.4f}")


if __name__ == "__main__":
    main()
