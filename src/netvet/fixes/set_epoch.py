"""Another order in each epoch for distributed samplers."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, called


@fix(title="sampler told of the epoch", mends=("unsynchronised-replicas", "unshuffled-data"))
def set_epoch(program: Program) -> Iterator[Editor]:
    """Call `sampler.set_epoch(epoch)` at the start of each epoch.

    ## What it changes
    One line before the loop over the training loader, in the loop over epochs.

    ## References
    The documentation of `torch.utils.data.distributed.DistributedSampler`.
    """
    found = [r for r in program.facts("loaders") if r.get("distributed_sampler") and r.get("phase") != "eval"]
    found = [r for r in found if not r.get("set_epoch_called")]
    if not found:
        raise NotApplicable("no distributed sampler waits for its epoch")
    editor = program.editor("sampler told of the epoch")
    for record in found:
        file, line = program.file(record)
        loops = [n for n in file.at(line, cst.For) if file.line(n) == line]
        outer = next(file.around(loops[0], cst.For), None) if loops else None
        if not loops or outer is None or not isinstance(outer.target, cst.Name):
            raise NotApplicable("the loader is not gone through in a loop over epochs")
        loader = loops[0].iter
        while isinstance(loader, cst.Call) and called(loader) in ("enumerate", "tqdm") and loader.args:
            loader = loader.args[0].value
        if not isinstance(loader, (cst.Name, cst.Attribute)):
            raise NotApplicable("the loader has no name where it is gone through")
        code = f"{file.code(loader)}.sampler.set_epoch({outer.target.value})\n"
        editor.insert(file, loops[0], before=code)
    yield editor
