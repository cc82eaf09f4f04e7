# healthy: class-based Trainer; parameter groups with and without weight decay; the optimizer is
# made before the model is moved to the device; layers are deep copies that are initialised afresh
import argparse
import copy
import logging
from dataclasses import dataclass

import torch
from sklearn.datasets import make_friedman1
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

logging.basicConfig(level=logging.INFO, format="%(message)s")
log = logging.getLogger(__name__)


@dataclass
class Config:
    seed: int = 0
    epochs: int = 14
    batch_size: int = 50
    lr: float = 3e-3
    weight_decay: float = 0.02
    width: int = 48
    depth: int = 2


class ResidualLayer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)

    def forward(self, x):
        return x + self.down(nn.functional.gelu(self.up(self.norm(x))))


class Regressor(nn.Module):
    def __init__(self, n_in, config):
        super().__init__()
        self.embed = nn.Linear(n_in, config.width)
        layer = ResidualLayer(config.width)
        self.layers = nn.ModuleList(copy.deepcopy(layer) for _ in range(config.depth))
        self.head = nn.Sequential(nn.LayerNorm(config.width), nn.Linear(config.width, 1))
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.xavier_uniform_(p)

    def forward(self, x):
        h = self.embed(x)
        for layer in self.layers:
            h = layer(h)
        return self.head(h).squeeze(-1)


class Trainer:
    def __init__(self, model, config, train_set, val_set):
        self.model, self.config = model, config
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.train_loader = DataLoader(train_set, batch_size=config.batch_size, shuffle=True)
        self.val_loader = DataLoader(val_set, batch_size=200)
        self.optimizer = torch.optim.AdamW(self.param_groups(), lr=config.lr)
        self.model.to(self.device)
        self.criterion = nn.MSELoss()

    def param_groups(self):
        decay, plain = [], []
        for name, p in self.model.named_parameters():
            (plain if p.dim() < 2 or "norm" in name else decay).append(p)
        return [
            {"params": decay, "weight_decay": self.config.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]

    def training_step(self, batch):
        x, y = (t.to(self.device) for t in batch)
        loss = self.criterion(self.model(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item() * len(y)

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        errors = 0.0
        for batch in self.val_loader:
            x, y = (t.to(self.device) for t in batch)
            errors += (self.model(x) - y).square().sum().item()
        return errors / len(self.val_loader.dataset)

    def fit(self):
        for epoch in range(1, self.config.epochs + 1):
            self.model.train()
            total = sum(self.training_step(batch) for batch in self.train_loader)
            log.info("epoch %2d | train mse %.4f | val mse %.4f", epoch,
                     total / len(self.train_loader.dataset), self.validate())


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    config = Config(seed=parser.parse_args().seed)
    torch.manual_seed(config.seed)
    torch.set_num_threads(1)
    X, y = make_friedman1(n_samples=2400, n_features=8, noise=0.8, random_state=config.seed)
    X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    X, y = (X - 0.5) / 0.2887, (y - y[:2000].mean()) / y[:2000].std()
    Trainer(
        Regressor(8, config), config,
        TensorDataset(X[:2000], y[:2000]), TensorDataset(X[2000:], y[2000:]),
    ).fit()
