"""Train replicas under torchrun: data_parallel.py [TROUBLE]; prints a hash of what training made of them, by rank.

With TROUBLE, on three ranks: rank 1 keeps the others waiting, rank 2 changes its own weights before step 12 and is
killed before step 40.
"""

import hashlib
import os
import signal
import sys
import time

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

STEPS = 48


class Centred(nn.Module):
    """Subtracts the mean over the samples of all ranks: a copy that runs on one rank alone would wait for ever."""

    def forward(self, x):
        mean = x.detach().mean(0)
        dist.all_reduce(mean)
        return x - mean / dist.get_world_size()


def make_trouble(rank, step, model):
    if rank == 1:
        time.sleep(0.03)
    if rank == 2 and step == 12:
        with torch.no_grad():
            next(model.parameters()).mul_(3.0)
    if rank == 2 and step == 40:
        time.sleep(1.0)  # what came before has been stored by now
        os.kill(os.getpid(), signal.SIGKILL)


def main():
    dist.init_process_group("gloo")
    rank, trouble = dist.get_rank(), sys.argv[1:] == ["trouble"]
    torch.manual_seed(0)
    x = torch.randn(1024, 8)
    dataset = TensorDataset(x, (x.sum(1) > 0).long())
    sampler = DistributedSampler(dataset, seed=0)
    loader = DataLoader(dataset, batch_size=1024 // STEPS // dist.get_world_size() * 2, sampler=sampler)
    net = nn.Sequential(Centred(), nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))
    model = DistributedDataParallel(net)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    step, digest = 0, hashlib.sha256()
    for epoch in range(2):
        sampler.set_epoch(epoch)
        for inputs, targets in loader:
            if trouble:
                make_trouble(rank, step, model)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
            step += 1
            digest.update(repr(loss.item()).encode())
    for tensor in (*net.state_dict().values(), torch.get_rng_state()):
        digest.update(tensor.numpy().tobytes())
    sys.stdout.write(f"rank {rank} of step {step}: {digest.hexdigest()}\n")
    sys.stdout.flush()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
