"""Classes numbered from 0."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from netvet.fixes.edits import held
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable
from netvet.fixes.target_sources import target_source


@fix(title="classes numbered from 0", mends=("label-out-of-range", "missing-class"), changes_loss=True)
def start_at_zero(program: Program) -> Iterator[Editor]:
    """Number the classes from 0 where they begin at another number.

    ## What it changes
    The line that makes the labels: 1 is subtracted, or what the smallest label is; of yes and no that are not 1 and 0,
    they are brought there. Labels of evaluation must come from the same line, or be numbered from 0 already.

    ## Known problems
    Tables of class names that begin at 1 must be changed by hand.

    ## References
    The documentation of `torch.nn.CrossEntropyLoss`: class indices in the range [0, C).
    """
    shift = _only_in_training(program)
    low, high = (float(shift), None) if shift else _range(program)
    made = target_source(program)
    if not made.shared and not shift:
        raise NotApplicable("labels of evaluation are made on another line")
    value = made.assign.value
    code = f"{held(value)} {'-' if low > 0 else '+'} {abs(low):g}"
    if high is not None and high - low != 1:
        code = f"({code}) / {high - low:g}"
    editor = program.editor("classes numbered from 0")
    editor.replace(made.file, value, code)
    yield editor


def _only_in_training(program: Program) -> int:
    """By how much the labels of training are numbered higher than those of evaluation; 0 where they are not."""
    train = [t for t in program.facts("targets") if t.get("phase") == "train" and t.get("kind") == "classes"]
    other = [t.get("counts") for t in program.facts("targets") if t.get("phase") == "eval"]
    other += [m.get("target_counts") for m in program.facts("metrics") if m.get("split") == "val"]
    if len(train) != 1 or not train[0].get("counts") or not other or not other[0]:
        return 0
    (first, last), (begin, end) = (_ends(counts) for counts in (train[0]["counts"], other[0]))
    return first - begin if begin == 0 and first - begin == last - end else 0


def _ends(counts: Sequence[float]) -> tuple[int, int]:
    """The first and last class that occurs."""
    found = [n for n, count in enumerate(counts) if count] or [0]
    return found[0], found[-1]


def _range(program: Program) -> tuple[float, float | None]:
    """Smallest label, and the largest of a yes or no.

    Raises:
        NotApplicable: the labels begin at 0, or it is not known where.
    """
    for one in program.facts("losses"):
        target = one.get("target") or {}
        low, high = target.get("min"), target.get("max")
        binary = str(one.get("function")).startswith("binary_cross_entropy") and one.get("phase") == "train"
        two = target.get("distinct") == 2 and low is not None and high is not None
        if binary and two and (low, high) != (0, 1):
            return float(low or 0), float(high or 0)
    for one in program.facts("targets"):
        low, high, outputs = (one.get(k) or 0 for k in ("min", "max", "outputs"))
        classes = one.get("phase") == "train" and one.get("kind") in ("classes", "sequence")
        if classes and low > 0 and outputs <= high < outputs + low:
            return float(low), None
    for one in program.facts("run"):
        # The first label out of bounds is the number of outputs itself where labels begin at 1.
        found = re.search(r"Target (\d+) is out of bounds", str(one.get("exception")))
        outputs = _outputs(program)
        if found and outputs is not None and int(found[1]) == outputs:
            return 1.0, None
    raise NotApplicable("that the labels begin at another number than 0 is not known")


def _outputs(program: Program) -> int | None:
    """Of the model: the size of its class axis."""
    shapes = [list(m.get("output_shape") or ()) for m in program.facts("modules") if m.get("order") == 0]
    return int(shapes[0][1]) if len(shapes) == 1 and len(shapes[0]) >= 2 else None
