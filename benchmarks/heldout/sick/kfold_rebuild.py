# expect: stale-optimizer
# accept: missing-step, parameters-not-in-optimizer, frozen-parameters
# note: the optimizer is made once for the first model; each fold builds a new net that nobody
#   updates
import argparse

import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold
from torch import nn


class Learner:
    def __init__(self, n_in, n_out, lr):
        self.shape = (n_in, n_out)
        self.net = self.build()
        self.opt = torch.optim.SGD(self.net.parameters(), lr=lr, momentum=0.9)  # fault
        self.loss_fn = nn.CrossEntropyLoss()

    def build(self):
        n_in, n_out = self.shape
        return nn.Sequential(nn.Linear(n_in, 20), nn.ELU(), nn.Linear(20, n_out))

    def reset(self):
        self.net = self.build()  # fault

    def fit(self, x, y, epochs):
        self.net.train()
        for _ in range(epochs):
            for idx in torch.randperm(len(x)).split(16):
                loss = self.loss_fn(self.net(x[idx]), y[idx])
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()  # fault
        return loss.item()

    @torch.no_grad()
    def score(self, x, y):
        self.net.eval()
        return (self.net(x).argmax(1) == y).float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--folds", type=int, default=4)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = load_wine(return_X_y=True)
    learner = Learner(x.shape[1], 3, lr=0.02)
    folds = StratifiedKFold(args.folds, shuffle=True, random_state=args.seed)
    scores = []
    for k, (tr, te) in enumerate(folds.split(x, y)):
        mu, sd = x[tr].mean(0), x[tr].std(0)
        z = torch.tensor((x - mu) / sd, dtype=torch.float32)
        t = torch.tensor(y)
        learner.reset()
        last = learner.fit(z[tr], t[tr], epochs=12)
        scores.append(learner.score(z[te], t[te]))
        print(f"fold {k}: last loss {last:.3f} accuracy {scores[-1]:.3f}")
    print(f"mean accuracy {np.mean(scores):.3f} +- {np.std(scores):.3f}")


if __name__ == "__main__":
    main()
