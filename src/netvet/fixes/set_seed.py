"""Seeds for all generators."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called


@fix(title="generators seeded", mends=("unseeded-run",))
def set_seed(program: Program) -> Iterator[Editor]:
    """Seed the generators of torch, and of numpy and Python where the script uses them.

    ## What it changes
    Lines behind the imports; behind `parse_args()`, where the script has an argument `seed`.

    ## References
    PyTorch, "Reproducibility".
    """
    run = next(iter(program.facts("run")), {})
    if not run.get("script"):
        raise NotApplicable("the script is not known")
    file = program.sources.file(str(run["script"]))
    seeded = {str(r.get("generator")) for r in program.facts("seeds")}
    editor = program.editor("generators seeded")
    parsed = _parsed(file)
    seed = f"{file.code(parsed.targets[0].target)}.seed" if parsed is not None else "0"
    imported = " ".join(file.code(s) for s in file.module.body if isinstance(s, cst.SimpleStatementLine))
    code = f"torch.manual_seed({seed})\n" if "torch" not in seeded else ""
    if "numpy" not in seeded and ("numpy" in imported or "sklearn" in imported):
        code += f"numpy.random.seed({seed})\n"
        editor.require(file, "numpy", "import numpy")
    if "python" not in seeded and "import random" in imported:
        code += f"random.seed({seed})\n"
    if not code:
        raise NotApplicable("all generators are seeded")
    editor.require(file, "torch", "import torch")
    if parsed is not None:
        editor.insert(file, parsed, after=code)
    else:
        editor.begin(file, code)
    yield editor


def _parsed(file: SourceFile) -> cst.Assign | None:
    """`args = parser.parse_args()` of a parser with an argument `--seed`."""
    named = any(called(c) == "add_argument" and '"--seed"' in file.code(c).replace("'", '"')
                for c in file.nodes(cst.Call))  # fmt: skip
    for one in file.nodes(cst.Assign):
        if named and isinstance(one.value, cst.Call) and called(one.value) == "parse_args":
            return one
    return None
