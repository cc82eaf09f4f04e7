"""The mask of padding handed to attention."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.masks import PADDING, attention_calls, give
from netvet.fixes.program import Program, Record
from netvet.fixes.source import Editor, NotApplicable

NEAR = 0.15  # how far the share of a mask may be from that of the padding of another batch


@fix(title="attention without the padding", mends=("ignored-mask", "batched-differs"))
def apply_mask(program: Program) -> Iterator[Editor]:
    """Give attention the mask of padding that forward gets.

    ## What it changes
    The calls of PyTorch's attention layers in the forward that has the mask as argument.

    ## Known problems
    In evaluation PyTorch's encoder may cut a batch to its longest sequence (`enable_nested_tensor=False` keeps it).

    ## References
    The documentation of `torch.nn.MultiheadAttention`: `key_padding_mask` is True where a key is ignored.
    """
    editor = program.editor("attention without the padding")
    for probe in program.facts("mask_probe"):
        for site, record in attention_calls(program):
            function = site.file.function(site.call)
            names = [p.name.value for p in function.params.params] if function is not None else []
            entry = _mask(program, names, str(probe.get("mask") or ""))
            position = _position(entry, names)
            code = _meaning(entry, names[position], float(probe.get("pad_share") or 0))
            give(editor, site, PADDING[str(record.get("cls"))], code)
        yield editor
        return
    raise NotApplicable("the mask is not known")


def _mask(program: Program, names: list[str], mask: str) -> Record:
    """What the run says of the mask as an input of the model."""
    for one in program.facts("inputs"):
        position = str(one.get("position"))
        named = position if not position.isdigit() else names[int(position) + 1 : int(position) + 2]
        if mask and (mask == position or mask in named) and one.get("phase") == "train":
            return one
    raise NotApplicable("the mask is no argument of the forward that calls attention")


def _position(entry: Record, names: list[str]) -> int:
    position = str(entry.get("position"))
    return int(position) + 1 if position.isdigit() else names.index(position) if position in names else 0


def _meaning(entry: Record, name: str, pads: float) -> str:
    """The mask as True where there is padding: by how much of it is set, beside how much is padded."""
    mean = entry.get("mean")
    if mean is None or abs(pads - 0.5) < NEAR / 2:
        raise NotApplicable("whether the mask marks padding or the rest cannot be told")
    padding = abs(float(mean) - pads) < abs(float(mean) - (1 - pads))
    if "bool" in str(entry.get("dtype")):
        return name if padding else f"~{name}"
    return f"{name} != 0" if padding else f"{name} == 0"
