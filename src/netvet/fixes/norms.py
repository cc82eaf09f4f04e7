"""Norms: which fits behind a layer, and of what size."""

from __future__ import annotations

from netvet.fixes.modules import made_by, norm_behind, prefix, size, weighted
from netvet.fixes.program import Program, Record, Site
from netvet.fixes.source import Editor, NotApplicable

NORMS = ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LayerNorm", "GroupNorm", "InstanceNorm2d", "RMSNorm")
# Layers that a norm would have to stand within.
WITHIN = ("GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell", "MultiheadAttention")
GROUPS = 32  # Wu and He, "Group normalization" (2018), table 3: best of 1 to 64
FEWEST = 4  # channels in a group: with less, a group says too little of its spread


def with_norm(program: Program, kind: str) -> Editor:
    """One variant: a norm behind each linear and convolutional layer but the last.

    Args:
        kind: `batch`, `layer` or `group`.

    Raises:
        NotApplicable: there are norms already, or the layers cannot be told apart.
    """
    if any(m.get("cls") in NORMS for m in program.facts("modules")):
        raise NotApplicable("the model has norms already")
    *hidden, last = weighted(program)
    if not hidden:
        raise NotApplicable(_why_none(program))
    editor = program.editor(f"{kind} norm behind the layers")
    for site, records in made_by(program, hidden):
        if last.get("created_line") == records[0].get("created_line"):
            raise NotApplicable("the last layer is made where the others are")
        if any((r.get("called") or 1) > 1 for r in records) and kind == "batch":
            raise NotApplicable("a layer is called several times, each with statistics of its own")
        norm_behind(editor, site, records, _norm(kind, site, records), program)
    return editor


def _why_none(program: Program) -> str:
    """Why a norm has no place in a model with one linear or convolutional layer."""
    others = sorted({str(m.get("cls")) for m in program.facts("modules") if m.get("cls") in WITHIN})
    if others:
        return f"the hidden layers are {' and '.join(others)}, which take no norm between their steps"
    return "the model has one linear or convolutional layer only, and behind the last one no norm belongs"


def _norm(kind: str, site: Site, records: list[Record]) -> str:
    shapes = [tuple(r.get("output_shape") or ()) for r in records]
    ranks = {len(s) for s in shapes}
    if len(ranks) != 1 or ranks == {0}:
        raise NotApplicable("the shapes of the outputs are not known")
    rank, outputs, module = ranks.pop(), size(site, records[0]), prefix(site)
    linear = records[0].get("cls") == "Linear"
    if kind == "layer" and linear:
        return f"{module}LayerNorm({outputs})"
    if linear and rank != 2:
        raise NotApplicable("behind linear layers over positions a norm of channels does not fit: layer-norm does")
    if kind == "batch":
        dimensions = 1 if linear else rank - 2
        return f"{module}BatchNorm{dimensions}d({outputs})"
    channels = [int(s[1]) for s in shapes]
    return f"{module}GroupNorm({groups(channels) if kind == 'group' else 1}, {outputs})"


def groups(channels: list[int]) -> int:
    """As many as divide all of these, at most 32, with four channels in each where that is possible."""
    found = GROUPS
    while found > 1 and any(c % found or c // found < FEWEST for c in channels):
        found //= 2
    return found
