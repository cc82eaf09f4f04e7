"""Train a sharded model (FSDP2) and write naive float64 statistics of the whole tensors beside it: sharded.py OUT."""

import json
import sys

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import fully_shard
from torch.utils._python_dispatch import TorchDispatchMode

STEPS = 12


class Counting(TorchDispatchMode):
    """Counts the operations between processes, and names those that a collector of netvet calls."""

    def __init__(self):
        super().__init__()
        self.exchanges, self.by_netvet = 0, []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if "c10d" in func.namespace and "wait" not in func.__name__:
            self.exchanges += 1
            frame = sys._getframe(1)
            while frame is not None:
                # Every collector is called by one of these.
                if frame.f_code.co_name in ("emit", "guarded") and "netvet" in frame.f_code.co_filename:
                    self.by_netvet.append(str(func))
                frame = frame.f_back
        return func(*args, **(kwargs or {}))


def whole(tensors):
    return [t.detach().full_tensor().double().reshape(-1) for t in tensors]


def statistics(weights, gradients, earlier, after):
    """Of one step: [parameters] each; `after` are the weights that the step made."""
    found = {
        "param_norm": [float(w.square().sum().sqrt()) for w in weights],
        "param_std": [float(w.std(correction=0)) for w in weights],
        "param_grad_norm": [float(g.square().sum().sqrt()) for g in gradients],
        "update_ratio": [
            float((b - a).norm() / a.norm()) if a.norm() else None for a, b in zip(weights, after, strict=True)
        ],
        "grad_norm": float(torch.cat(gradients).norm()),
    }
    if earlier is not None:
        pairs = [*zip(gradients, earlier, strict=True), (torch.cat(gradients), torch.cat(earlier))]
        found["grad_cosine"] = [float(a @ b / (a.norm() * b.norm())) for a, b in pairs]
    return found


def main(out):
    dist.init_process_group("gloo")
    torch.manual_seed(0)
    # Of 5 rows some ranks of 4 get two, one or none; a bias of 3 leaves a rank of 4 empty.
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.LayerNorm(5), nn.Linear(5, 3))
    for layer in (model[0], model[3]):
        fully_shard(layer)
    fully_shard(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    generator = torch.Generator().manual_seed(1 + dist.get_rank())
    reference, earlier, counting = [], None, Counting()
    for _ in range(STEPS):
        x = torch.randn(8, 6, generator=generator)
        with counting:
            loss = nn.functional.mse_loss(model(x), x[:, :3].abs())
            optimizer.zero_grad()
            loss.backward()
            before = nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        weights, gradients = whole(model.parameters()), whole([p.grad for p in model.parameters()])
        with counting:
            optimizer.step()
        one = statistics(weights, gradients, earlier, whole(model.parameters()))
        mean = loss.detach().clone()
        dist.all_reduce(mean)
        reference.append({**one, "before": float(before.full_tensor()), "loss": float(mean) / dist.get_world_size()})
        earlier = gradients
    if dist.get_rank() == 0:
        names = [name for name, _ in model.named_parameters()]
        with open(out, "w") as file:
            json.dump(
                {"names": names, "steps": reference, "exchanges": counting.exchanges, "by_netvet": counting.by_netvet},
                file,
            )
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
