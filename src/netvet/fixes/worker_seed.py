"""Random numbers of its own for each worker of a loader."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.samples import assigns, define, unused
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

# Generators, and how each is made anew from the seed of a worker.
GENERATORS = {
    "default_rng": "np.random.default_rng(info.seed)",
    "RandomState": "np.random.RandomState(info.seed % 2**32)",
    "Random": "random.Random(info.seed)",
    "Generator": "torch.Generator().manual_seed(info.seed)",
    "manual_seed": "torch.Generator().manual_seed(info.seed)",
}


@fix(title="workers seeded", mends=("repeated-worker-rng",))
def worker_seed(program: Program) -> Iterator[Editor]:
    """Seed each worker of the training loader differently, and anew in each epoch.

    ## What it changes
    A function for `worker_init_fn`, which seeds numpy and random and gives the data set new generators in the place
    of those that it holds, all from the seed that PyTorch gives the worker.

    ## Known problems
    With `persistent_workers=True` it runs once, and the generators go on from epoch to epoch.

    ## References
    The documentation of PyTorch, "Randomness in multi-process data loading" and "Reproducibility".
    """
    drawn = [r for r in program.facts("worker_draws") if r.get("created_file")]
    if not drawn:
        raise NotApplicable("where the loader is made is not known")
    record = drawn[0]
    site = program.site(record, "DataLoader", prefix="created_")
    loaders = [r for r in program.facts("loaders") if r.get("name") == record.get("loader")]
    if not any(r.get("workers") for r in loaders):
        raise NotApplicable("the loader has no workers")
    editor = program.editor("workers seeded")
    name = unused(site.file, "seed_worker")
    lines, modules = ["    info = torch.utils.data.get_worker_info()\n"], ["torch"]
    held, scope = _held(program, record, site.file)
    owner = "info.dataset"
    if held and loaders[0].get("dataset") == "Subset":
        owner += ".dataset"
    elif held and scope and loaders[0].get("dataset") != scope:
        raise NotApplicable(f"the generator is held by {scope}, within {loaders[0].get('dataset')}")
    for attribute, kind in held:
        lines.append(f"    {owner}.{attribute} = {GENERATORS[kind]}\n")
    if not held:
        lines.append("    np.random.seed(info.seed % 2**32)\n    random.seed(info.seed)\n")
    code = "".join(lines)
    modules += ["random"] * ("random.R" in code or " random." in code) + ["numpy as np"] * ("np." in code)
    doc = '    """Give this worker random numbers of its own."""\n'
    define(editor, site.file, f"def {name}(worker_id):\n{doc}{code}", *modules)
    set_argument(editor, site, "worker_init_fn", name)
    yield editor


def _held(program: Program, record: dict[str, object] | object, file: SourceFile) -> tuple[list[tuple[str, str]], str]:
    """Attributes of the data set that are generators, with what made them; and the class."""
    assert isinstance(record, dict) or hasattr(record, "get")
    try:
        where, line = program.file(record, "dataset_")  # type: ignore[arg-type]
    except NotApplicable:
        return [], ""
    classes = where.at(line, cst.ClassDef)
    if not classes:
        return [], ""
    held = []
    for one in assigns(where):
        target = one.targets[0].target
        inside_it = any(c is classes[0] for c in where.around(one, cst.ClassDef))
        if not inside_it or not isinstance(target, cst.Attribute) or not isinstance(one.value, cst.Call):
            continue
        if called(one.value) in GENERATORS and where.code(target.value) == "self":
            held.append((target.attr.value, called(one.value)))
    return held, classes[0].name.value
