# expect: unsynchronised-replicas
# note: four replicas in one process, gradients averaged by hand, but every copy starts from its
#   own random weights; an average of gradients taken at different places teaches little
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn


class Replica:
    """One worker: a copy of the model, its optimizer and its part of the data."""

    def __init__(self, rank, world, x, y, lr):
        self.model = nn.Sequential(  # fault
            nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 10)
        )
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=lr, momentum=0.9)
        self.x, self.y = x[rank::world], y[rank::world]

    def backward(self, batch_size):
        rows = torch.randint(len(self.x), (batch_size,))
        self.model.train()
        loss = F.cross_entropy(self.model(self.x[rows]), self.y[rows])
        self.optimizer.zero_grad()
        loss.backward()
        return loss.item()


def all_reduce_mean(replicas):
    for shards in zip(*(r.model.parameters() for r in replicas), strict=True):
        mean = torch.stack([p.grad for p in shards]).mean(0)
        for p in shards:
            p.grad.copy_(mean)


@torch.no_grad()
def test(model, x, y):
    model.eval()
    logits = model(x)
    return F.cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--steps", type=int, default=300)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    x, y = load_digits(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(
        x, y, test_size=300, stratify=y, random_state=0
    )
    scaler = StandardScaler().fit(x_train)
    x_train = torch.from_numpy(scaler.transform(x_train)).float()
    x_val = torch.from_numpy(scaler.transform(x_val)).float()
    y_train, y_val = torch.from_numpy(y_train), torch.from_numpy(y_val)

    replicas = [
        Replica(rank, args.workers, x_train, y_train, lr=0.02) for rank in range(args.workers)
    ]
    for step in range(1, args.steps + 1):
        losses = [r.backward(batch_size=16) for r in replicas]
        all_reduce_mean(replicas)
        for r in replicas:
            r.optimizer.step()
        if step % 25 == 0:
            val_loss, val_acc = test(replicas[0].model, x_val, y_val)
            mean = sum(losses) / len(losses)
            print(f"step {step} loss {mean:.3f} val loss {val_loss:.3f} accuracy {val_acc:.3f}")


if __name__ == "__main__":
    main()
