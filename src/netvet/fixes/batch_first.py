"""Layers that are told that samples come first."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Record, argument
from netvet.fixes.source import Editor, NotApplicable

LAYERS = (
    "LSTM", "GRU", "RNN", "MultiheadAttention", "TransformerEncoderLayer", "TransformerDecoderLayer", "Transformer",
)  # fmt: skip


@fix(title="samples on the first axis", mends=("batch-mixing", "batched-differs"))
def batch_first(program: Program) -> Iterator[Editor]:
    """Say `batch_first=True` to recurrent and attention layers that take the first axis for time.

    ## What it changes
    The calls that make them.

    ## Known problems
    Where the program moves its axes for these layers (`transpose`, `view`), it must no longer: see `permute`.

    ## References
    The documentation of `torch.nn.LSTM`: the first axis is time where `batch_first` is not said.
    """
    editor, found = program.editor("samples on the first axis"), False
    done: set[tuple[str, int]] = set()
    for one in program.facts("modules"):
        place = (str(one.get("created_file")), int(one.get("created_line") or 0))
        if one.get("cls") not in LAYERS or not one.get("created_file") or place in done:
            continue
        done.add(place)
        site = program.site(one, *LAYERS, prefix="created_")
        given = argument(site.call, "batch_first")
        if _moved(program, one):
            raise NotApplicable("the program moves time to the first axis for it")
        if given is None or site.code(given.value) == "False":
            set_argument(editor, site, "batch_first", "True")
            found = True
    if not found:
        raise NotApplicable("no layer of the program takes the first axis for time")
    yield editor


def _moved(program: Program, layer: Record) -> bool:
    """What enters the layer has another first axis than what enters the model."""
    model = next((m for m in program.facts("modules") if m.get("order") == 0), {})
    entering, whole = list(layer.get("input_shape") or []), list(model.get("input_shape") or [])
    return bool(entering and whole) and entering[0] != whole[0]
