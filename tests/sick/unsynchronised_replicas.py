# expect: unsynchronised-replicas
# note: two processes (gloo, started by the script); the raw module is called, not the wrapper, so
#   gradients are never averaged and the two copies of the weights drift apart
import argparse
import os
import tempfile

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset


def worker(rank, world, init_file, args):
    dist.init_process_group("gloo", init_method=init_file, rank=rank, world_size=world)
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32) / 16 - 0.3
    y = torch.tensor(digits.target)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(2))
    train, val = order[:1440], order[1440:]
    dataset = TensorDataset(x[train], y[train])
    sampler = DistributedSampler(dataset, world, rank, shuffle=True, seed=args.seed)
    loader = DataLoader(dataset, batch_size=24, sampler=sampler)

    net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU())
    net.append(nn.Linear(48, 10))
    model = DistributedDataParallel(net)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(args.epochs):
        sampler.set_epoch(epoch)
        model.train()
        total = 0.0
        for xb, yb in loader:
            loss = criterion(net(xb), yb)  # fault
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        model.eval()
        with torch.no_grad():
            score = torch.tensor([(net(x[val]).argmax(1) == y[val]).float().mean()])
        both = [torch.zeros(1) for _ in range(world)]
        dist.all_gather(both, score)
        if rank == 0:
            accs = " ".join(f"{s.item():.4f}" for s in both)
            print(f"epoch {epoch} loss {total / len(loader):.4f} accuracy per rank {accs}")
    dist.barrier()
    dist.destroy_process_group()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        init_file = "file://" + os.path.join(folder, "store")
        mp.start_processes(worker, (2, init_file, args), nprocs=2, start_method="fork")


if __name__ == "__main__":
    main()
