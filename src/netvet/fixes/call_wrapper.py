"""The wrapper of a distributed model called, and not the model inside it."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program, argument
from netvet.fixes.samples import assigns, targets
from netvet.fixes.source import Editor, NotApplicable, called

WRAPPERS = ("DistributedDataParallel", "DDP", "FullyShardedDataParallel", "FSDP")


@fix(title="distributed wrapper called", mends=("unsynchronised-replicas",))
def call_wrapper(program: Program) -> Iterator[Editor]:
    """Call the wrapped model in training, so that gradients are averaged over the processes.

    ## What it changes
    `net(x)` or `ddp.module(x)` becomes `ddp(x)` at the call in training.

    ## References
    The documentation of `torch.nn.parallel.DistributedDataParallel`.
    """
    called_raw = [r for r in program.facts("replicas") if r.get("raw_module_called")]
    if not called_raw:
        raise NotApplicable("no wrapped module was called directly")
    places = [r for r in program.facts("calls") if r.get("phase") == "train"] + called_raw
    editor, found = program.editor("the distributed wrapper is called"), False
    seen: set[int] = set()
    for record in places:
        file, line = program.file(record)
        wrapped = {}
        for one in assigns(file):
            if isinstance(one.value, cst.Call) and called(one.value) in WRAPPERS and len(targets(one)) == 1:
                inner = argument(one.value, "module", 0)
                if inner is not None:
                    wrapped[file.code(inner.value)] = targets(one)[0]
        wrapped |= {f"{name}.module": name for name in wrapped.values()}
        for call in file.calls(line):
            name = file.code(call.func)
            if name in wrapped and wrapped[name] != name and id(call) not in seen:
                seen.add(id(call))
                editor.replace(file, call.func, wrapped[name])
                found = True
    if not found:
        raise NotApplicable("the wrapper has no name of its own where the model is called")
    yield editor
