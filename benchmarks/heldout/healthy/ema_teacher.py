# healthy: self-supervised learning with an EMA teacher (BYOL): the teacher's call and its update run under no_grad at
# every step, and a nearest-neighbour score is taken now and then
import argparse
import copy

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn


def mlp(n_in, n_out, width=96):
    return nn.Sequential(nn.Linear(n_in, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, n_out))


def augment(x):
    keep = (torch.rand_like(x) > 0.15).float()
    return x * keep + 0.2 * torch.randn_like(x)


@torch.no_grad()
def update_teacher(teacher, student, decay):
    for old, new in zip(teacher.parameters(), student.parameters()):
        old.lerp_(new, 1 - decay)


@torch.no_grad()
def neighbour_accuracy(encoder, x, y):
    encoder.eval()
    z = F.normalize(encoder(x), dim=1)
    nearest = (z[1400:] @ z[:1400].T).argmax(1)
    encoder.train()
    return (y[:1400][nearest] == y[1400:]).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=1600)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    order = torch.randperm(len(digits.target), generator=torch.Generator().manual_seed(0))
    x = ((torch.tensor(digits.data) - 4.88) / 6.02).float()[order]
    y = torch.tensor(digits.target)[order]
    student = nn.Sequential(mlp(64, 64), mlp(64, 32))
    predictor = mlp(32, 32, 48)
    teacher = copy.deepcopy(student).requires_grad_(False)
    optimizer = torch.optim.AdamW([*student.parameters(), *predictor.parameters()], lr=1e-3, weight_decay=1e-4)
    for step in range(1, args.steps + 1):
        batch = x[:1400][torch.randint(1400, (64,))]
        one, two = augment(batch), augment(batch)
        with torch.no_grad():
            wanted = [F.normalize(teacher(view), dim=1) for view in (two, one)]
        made = [F.normalize(predictor(student(view)), dim=1) for view in (one, two)]
        loss = sum((2 - 2 * (a * b).sum(1)).mean() for a, b in zip(made, wanted)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        update_teacher(teacher, student, 0.99)
        if step % 200 == 0:
            score = neighbour_accuracy(student[0], x, y)
            print(f"step {step} loss {loss.item():.4f} neighbour accuracy {score:.3f}")


if __name__ == "__main__":
    main()
