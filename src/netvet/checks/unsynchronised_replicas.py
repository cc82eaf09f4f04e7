"""Copies of a model on several processes that drift apart."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, location_of
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
        "same-start": "Start all replicas from one state: replica.load_state_dict(first.state_dict()).",
        "set-epoch": "Call sampler.set_epoch(epoch) at the start of every epoch.",
        "distributed-sampler": "Give each process its own part of the data with DistributedSampler.",
    },
)
def unsynchronised_replicas(
    replicas: Facts | None = None,
    loaders: Facts | None = None,
    twins: Facts | None = None,
    modules: Facts | None = None,
    optimizers: Facts | None = None,
    *,
    patience: int = 3,  # steps on the same gradients
) -> Iterator[Finding]:
    """The processes of a distributed run (or replicas in one) do not hold the same weights, or share the data wrongly.

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
    yield from _in_one_process(twins, modules, optimizers, patience)
    for record in replicas or ():
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
            message = f"{_who(record, size)} from step {step} on: {shown}"
            wrapped = record.get("wrapper") is not None
            severity: Severity = "error" if wrapped else "warning"
            sure, evidence = 1.0 if wrapped else 0.7, {"differing": differing[:50]}
            yield Finding(message, wrapper, step, None, None, place, evidence, severity, sure)
        elif wrapper == "DistributedDataParallel" and record.get("norms_differ_from") is not None:
            step = int(record["norms_differ_from"])
            message = f"{_who(record, size)} from step {step} on, in the norm of {record.get('norms_differ_in')}"
            yield Finding(message, wrapper, step, location=place, confidence=0.8)
        same = list(record.get("same_inputs") or ())
        if len(same) >= patience and wrapper == "DistributedDataParallel":
            message = f"all {size:g} processes got the same samples in steps 0-{len(same) - 1}: no DistributedSampler?"
            yield Finding(message, "inputs", int(same[0]), size, 1.0, place, severity="warning", confidence=0.9)
        yield from _sampling(loaders or Facts())
        return


def _who(record: Record, size: float) -> str:
    odd = [str(rank) for rank in record.get("odd_ranks") or ()]
    if not odd:
        return f"the replicas differ over {size:g} {'devices' if record.get('wrapper') == 'pmap' else 'processes'}"
    named = f"rank {odd[0]} differs" if len(odd) == 1 else f"ranks {', '.join(odd)} differ"
    return f"{named} from the other {size - len(odd):g} processes"


def _in_one_process(
    twins: Facts | None, modules: Facts | None, optimizers: Facts | None, patience: int
) -> Iterator[Finding]:
    """Averaged gradients that are applied to weights that differ."""
    apart = [t for t in twins or () if (number(t, "differing") or 0) >= patience]
    if not apart:
        return
    names = sorted({str(t.get(k)) for t in apart for k in ("first", "second")})
    said = f"{len(names)} replicas in one process step on the same gradients, but their weights differ: "
    roots = next((o.get("models") for o in optimizers or () if o.get("name") == apart[0].get("second")), None) or ()
    made = next((m for m in modules or () if m.get("model") in roots), None)  # the root comes first
    place = location_of(made, "created") or location_of(apart[0])
    said += "the gradients of one are not those of the other"
    yield Finding(said, names[0], apart[0].get("first_step"), float(len(names)), 1.0, place)


def _sampling(loaders: Facts) -> Iterator[Finding]:
    for loader in loaders:
        forgotten = loader.get("distributed_sampler") is True and loader.get("set_epoch_called") is False
        epochs = number(loader, "epochs") or 0.0
        if forgotten and loader.get("phase") != "eval" and epochs >= 2 and loader.get("shuffled") is not False:
            same = f"all {epochs:g} epochs have the same order"
            message = f"set_epoch was never called on the sampler of {loader.get('name')}: {same}"
            place = location_of(loader)
            yield Finding(message, loader.get("name"), 1, epochs, 1.0, place, severity="warning", confidence=1.0)
