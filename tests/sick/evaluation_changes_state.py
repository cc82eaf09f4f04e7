# expect: evaluation-changes-state
# note: evaluate() copies the averaged weights into the model and does not put the trained ones
#       back, so every epoch goes on from the slow average and training crawls
# mend: import argparse -> import argparse\nimport copy
# mend: average.apply_to(model)  # fault -> own = copy.deepcopy(model.state_dict())\n    average.apply_to(model)
# mend: return total / count -> model.load_state_dict(own)\n    return total / count
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class WeightAverage:
    """Exponential moving average of the weights of a model."""

    def __init__(self, model, decay=0.99):
        self.decay = decay
        self.shadow = {k: v.detach().clone() for k, v in model.state_dict().items()}

    def update(self, model):
        for k, v in model.state_dict().items():
            self.shadow[k].lerp_(v.detach(), 1 - self.decay)

    def apply_to(self, model):
        model.load_state_dict(self.shadow)  # fault


class Autoencoder(nn.Module):
    def __init__(self, code=10):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 48), nn.SiLU(), nn.Linear(48, code))
        self.decoder = nn.Sequential(nn.Linear(code, 48), nn.SiLU(), nn.Linear(48, 64))

    def forward(self, x):
        return self.decoder(self.encoder(x))


def evaluate(model, average, loader):
    average.apply_to(model)  # fault
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for (x,) in loader:
            total += (model(x) - x).pow(2).sum().item()
            count += x.numel()
    return total / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=24)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x = torch.tensor(load_digits().data, dtype=torch.float32)
    x = (x - x.mean()) / x.std()
    x = x[torch.randperm(len(x))]
    train_loader = DataLoader(TensorDataset(x[:1400]), batch_size=70, shuffle=True)
    val_loader = DataLoader(TensorDataset(x[1400:]), batch_size=100)

    model = Autoencoder()
    average = WeightAverage(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(args.epochs):
        model.train()
        loss_sum = 0.0
        for (x,) in train_loader:
            loss = nn.functional.mse_loss(model(x), x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average.update(model)
            loss_sum += loss.item() / len(train_loader)
        val = evaluate(model, average, val_loader)
        print(f"epoch {epoch:2d}  train {loss_sum:.4f}  val (averaged weights) {val:.4f}")


if __name__ == "__main__":
    main()
