"""Copies of a model on several processes that drift apart."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Severity, check, location_of
from netvet.stats import number

# DistributedDataParallel sends the buffers of rank 0 at the next forward pass: until then these may differ.
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={
        "call-wrapper": "Call the wrapped model (ddp(x)) in training, not ddp.module or the model inside it.",
        "set-epoch": "Call sampler.set_epoch(epoch) at the start of every epoch.",
        "distributed-sampler": "Give each process its own part of the data with DistributedSampler.",
    },
)
def unsynchronised_replicas(replicas: Facts, loaders: Facts | None = None) -> Iterator[Finding]:
    """The processes of a distributed run do not hold the same weights, or do not share the data as meant.

    ## Why it matters
    Data parallel training is one training on a large batch only while all replicas are equal. If the gradients are not
    averaged, each process trains a model of its own, and only one of them is saved.

    ## Example
    >>> from netvet.core import Facts
    >>> names = ["fc.weight", "fc.bias"]
    >>> sick = Facts.of({"world_size": 2, "wrapper": "DistributedDataParallel", "differing": names, "first_step": 1})
    >>> unsynchronised_replicas(sick)[0].message
    'the replicas differ over 2 processes from step 1 on: fc.weight, fc.bias'

    ## Known problems
    Shards of FSDP differ by design, and running statistics differ until the next forward pass. Without a wrapper the
    processes may be meant to train different models: a warning in place of an error.

    ## References
    torch.nn.parallel.DistributedDataParallel; torch.utils.data.distributed.DistributedSampler.set_epoch.
    """
    for record in replicas:
        size, wrapper = number(record, "world_size") or 1.0, str(record.get("wrapper"))
        if size < 2:
            continue
        differing = [str(n) for n in record.get("differing") or () if not str(n).endswith(_BUFFERS)]
        place, step = location_of(record), record.get("first_step")
        if record.get("raw_module_called") is True and wrapper == "DistributedDataParallel":
            effect = f"its gradients are not averaged over {size:g} processes"
            message = f"the model inside {wrapper} is called directly in training, so {effect}"
            if differing:
                message += f" (differing: {len(differing)})"
            yield Finding(message, wrapper, step, location=place, confidence=1.0 if differing else 0.8)
        elif differing and "FSDP" not in wrapper and "FullyShard" not in wrapper:
            shown = ", ".join(differing[:3]) + (", ..." if len(differing) > 3 else "")
            message = f"the replicas differ over {size:g} processes from step {step} on: {shown}"
            wrapped = record.get("wrapper") is not None
            severity: Severity = "error" if wrapped else "warning"
            sure, evidence = 1.0 if wrapped else 0.7, {"differing": differing[:50]}
            yield Finding(message, wrapper, step, None, None, place, evidence, severity, sure)
        yield from _sampling(loaders or Facts())
        return


def _sampling(loaders: Facts) -> Iterator[Finding]:
    for loader in loaders:
        forgotten = loader.get("distributed_sampler") is True and loader.get("set_epoch_called") is False
        epochs = number(loader, "epochs") or 0.0
        if forgotten and loader.get("phase") != "eval" and epochs >= 2 and loader.get("shuffled") is not False:
            same = f"all {epochs:g} epochs have the same order"
            message = f"set_epoch was never called on the sampler of {loader.get('name')}: {same}"
            yield Finding(
                message, loader.get("name"), 1, epochs, 1.0, location_of(loader), severity="warning", confidence=1.0
            )
