# expect: unregistered-parameters
# accept: parameters-not-in-optimizer
# note: centres and widths are plain tensors with requires_grad, not nn.Parameter; parameters() does
#       not list them and only the linear read-out is trained
import argparse

import torch
from torch import nn


class RBFNetwork(nn.Module):
    """Radial basis functions with a linear read-out."""

    def __init__(self, n_inputs, n_centres):
        super().__init__()
        self.centres = torch.randn(n_centres, n_inputs).requires_grad_()  # fault
        self.log_width = torch.zeros(n_centres, requires_grad=True)  # fault
        self.readout = nn.Linear(n_centres, 1)

    def forward(self, x):
        dist2 = (x.unsqueeze(1) - self.centres).pow(2).sum(-1)
        phi = torch.exp(-0.5 * dist2 * torch.exp(-2 * self.log_width))
        return self.readout(phi).squeeze(-1)


def surface(n, gen):
    x = torch.rand(n, 2, generator=gen) * 3.4 - 1.7
    z = torch.sin(2.5 * x[:, 0]) * torch.cos(1.5 * x[:, 1]) + 0.4 * x[:, 0] * x[:, 1]
    return x, (z + 0.05 * torch.randn(n, generator=gen)) / 0.65


def rmse(model, x, y):
    with torch.no_grad():
        return (model(x) - y).pow(2).mean().sqrt().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--centres", type=int, default=14)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    gen = torch.Generator().manual_seed(args.seed + 1)
    x_train, y_train = surface(800, gen)
    x_val, y_val = surface(300, gen)
    model = RBFNetwork(2, args.centres)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)  # fault
    loss_fn = nn.MSELoss()

    for epoch in range(25):
        order = torch.randperm(800)
        for rows in order.split(40):
            loss = loss_fn(model(x_train[rows]), y_train[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 3 == 0 or epoch == 24:
            print(
                f"epoch {epoch:2d}  rmse train {rmse(model, x_train, y_train):.4f}"
                f"  val {rmse(model, x_val, y_val):.4f}"
            )


if __name__ == "__main__":
    main()
