"""Attention layers of PyTorch: where they are called, and the masks that they take."""

from __future__ import annotations

from netvet.fixes.edits import set_argument
from netvet.fixes.modules import calls_of
from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.source import Editor, NotApplicable

# Names of the masks of padding and of order.
PADDING = {
    "TransformerEncoder": "src_key_padding_mask", "TransformerEncoderLayer": "src_key_padding_mask",
    "MultiheadAttention": "key_padding_mask",
}  # fmt: skip
ORDER = {"TransformerEncoder": "mask", "TransformerEncoderLayer": "src_mask", "MultiheadAttention": "attn_mask"}


def attention_calls(program: Program) -> list[tuple[Site, Record]]:
    """Where forward calls attention layers of PyTorch; the outermost of those that hold each other.

    Raises:
        NotApplicable: nowhere in a file of the program.
    """
    known = [m for m in program.facts("modules") if m.get("cls") in PADDING and m.get("called_file")]
    found: list[tuple[Site, Record]] = []
    for one in known:
        for file, call in calls_of(program, one):
            if not any(s.call is call for s, _ in found):
                found.append((Site(file, call, one), one))
    if not found:
        raise NotApplicable("no attention layer of PyTorch is called in a file of the program")
    return found


def batch_first(program: Program, record: Record) -> bool:
    """The layer, or the layers that it holds, take samples first."""
    name = str(record.get("name"))
    inside = [m for m in program.facts("modules") if str(m.get("name")).startswith(name)]
    told = [(m.get("settings") or {}).get("batch_first") for m in inside]
    return any(told)


def give(editor: Editor, site: Site, name: str, value: str) -> None:
    """Hand a mask over.

    Raises:
        NotApplicable: there is one already.
    """
    if argument(site.call, name) is not None:
        raise NotApplicable(f"{name} is given already")
    set_argument(editor, site, name, value)
