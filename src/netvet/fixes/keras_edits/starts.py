"""How the weights of a Keras program begin."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import drop_argument, set_argument
from netvet.fixes.keras_edits.losses import loss
from netvet.fixes.keras_edits.models import each, hidden, weighted
from netvet.fixes.keras_edits.places import keras
from netvet.fixes.program import Program, Record, argument
from netvet.fixes.source import Editor, NotApplicable

_CONSTANT = ("zeros", "Zeros", "ones", "Ones", "constant", "Constant")
GIVEN = ("kernel_initializer", "bias_initializer")


def random_init(program: Program) -> Iterator[Editor]:
    """The initialisation of Keras where all weights of a layer begin at one number."""
    editor, done = program.editor("weights drawn at random"), 0
    for site in each(program, weighted(program)):
        given = argument(site.call, "kernel_initializer")
        if given is not None and any(word in site.code(given.value) for word in _CONSTANT):
            drop_argument(editor, site, "kernel_initializer")
            done += 1
    if not done:
        raise NotApplicable("no layer is given weights that are all the same")
    yield editor


def default_init(program: Program) -> Iterator[Editor]:
    """No `kernel_initializer` and no `bias_initializer`: Keras draws fitting weights."""
    editor, done = program.editor("the initialisation of Keras"), 0
    for site in each(program, weighted(program)):
        named = [name for name in GIVEN if argument(site.call, name) is not None]
        if named:
            drop_argument(editor, site, *named)
            done += 1
    if not done:
        raise NotApplicable("no layer is given an initialisation of its own")
    yield editor


def he_init(program: Program) -> Iterator[Editor]:
    """`kernel_initializer="he_normal"` for hidden layers."""
    yield _drawn(program, hidden(program), "he_normal")


def xavier_init(program: Program) -> Iterator[Editor]:
    """`kernel_initializer="glorot_uniform"` for all layers, where another was given."""
    chosen = weighted(program)
    if not any(argument(site.call, "kernel_initializer") for site in each(program, chosen)):
        raise NotApplicable("Keras draws weights in this way already")
    yield _drawn(program, chosen, "glorot_uniform")


def final_bias(program: Program) -> Iterator[Editor]:
    """`bias_initializer` of the last layer, which begins at the mean of the targets."""
    given = loss(program)
    target: Record = next((t for t in program.facts("targets") if t.get("phase") == "train"), {})
    mean, last = target.get("mean"), weighted(program)[-1]
    if given.function not in ("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss") or mean is None:
        raise NotApplicable("the mean of the targets is not known, or they are no amounts")
    if (last.get("output_shape") or [0])[-1] != 1:
        raise NotApplicable("the last layer has several outputs")
    (site,) = each(program, [last])
    editor = program.editor("the last bias begins at the mean of the targets")
    made = f"{keras(editor, site.file, 'initializers')}.Constant({float(mean):.6g})"
    set_argument(editor, site, "bias_initializer", made)
    yield editor


def _drawn(program: Program, records: list[Record], name: str) -> Editor:
    editor = program.editor(f"weights drawn as {name}")
    for site in each(program, records):
        set_argument(editor, site, "kernel_initializer", f'"{name}"')
    return editor
