"""What `fit` of a Keras program is called with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from netvet.fixes import larger_batch as larger
from netvet.fixes import smaller_batch as smaller
from netvet.fixes.edits import drop_argument, held, scaled, set_argument
from netvet.fixes.keras_edits.losses import loss
from netvet.fixes.keras_edits.places import FIT, fit, keras
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.source import Editor, NotApplicable, called
from netvet.fixes.target_statistics import share_counts
from netvet.fixes.train_longer import TIMES

DEFAULT_BATCH, FEWEST = 32, 1
# Epochs without a gain, as a share of all; at least so many.
SHARE, LEAST = 5, 3


def shuffle(program: Program) -> Iterator[Editor]:
    """`fit` shuffles arrays by itself: `shuffle=False` is taken out."""
    site = fit(program)
    given = argument(site.call, "shuffle")
    if given is None:
        raise NotApplicable("fit shuffles arrays already; other data are to be shuffled where they are read")
    editor = program.editor("training samples shuffled")
    drop_argument(editor, site, "shuffle")
    yield editor


def class_weights(program: Program) -> Iterator[Editor]:
    """`class_weight` of `fit`, by the counts of the classes that the run has seen."""
    site, given = fit(program), loss(program)
    if argument(site.call, "class_weight") is not None:
        raise NotApplicable("fit is given class weights already")
    counts = share_counts(program, given.record.get("site"))
    if len(counts) < 2 or min(counts) <= 0:
        raise NotApplicable("not every class was seen")
    for power, what in ((1.0, "inverse shares"), (0.5, "roots of inverse shares")):
        weights = [(sum(counts) / len(counts) / c) ** power for c in counts]
        listed = ", ".join(f"{n}: {float(f'{w:.4g}')!r}" for n, w in enumerate(weights))
        editor = program.editor(f"classes weighted by {what}")
        set_argument(editor, site, "class_weight", f"{{{listed}}}")
        yield editor


def train_longer(program: Program) -> Iterator[Editor]:
    """Three times as many `epochs`."""
    site = fit(program)
    given = argument(site.call, "epochs", FIT["epochs"])
    editor = program.editor(f"{TIMES} times as many epochs")
    if given is None:
        set_argument(editor, site, "epochs", str(TIMES))
    else:
        editor.replace(site.file, given.value, scaled(given.value, site.code(given.value), TIMES))
    yield editor


def larger_batch(program: Program) -> Iterator[Editor]:
    """`batch_size` times four, then times sixteen."""
    yield from _batches(program, [(f, f"batches {f} times as large") for f in larger.FACTORS], larger=True)


def smaller_batch(program: Program) -> Iterator[Editor]:
    """A quarter of `batch_size`, then a sixteenth."""
    yield from _batches(program, [(f, f"batches a {f}th as large") for f in smaller.FACTORS], larger=False)


def early_stopping(program: Program) -> Iterator[Editor]:
    """The callback `EarlyStopping` on the validation loss, which puts the best weights back."""
    site = fit(program)
    if argument(site.call, "validation_data") is None and argument(site.call, "validation_split") is None:
        raise NotApplicable("fit is given no validation data")
    epochs = next((r.get("epochs") for r in program.facts("loaders") if r.get("epochs")), None) or 0
    patience = max(LEAST, int(epochs) // SHARE)
    editor = program.editor("early stopping with the best weights kept")
    made = f"{keras(editor, site.file, 'callbacks')}.EarlyStopping(patience={patience}, restore_best_weights=True)"
    given = argument(site.call, "callbacks")
    if given is None:
        set_argument(editor, site, "callbacks", f"[{made}]")
    elif "EarlyStopping" in site.file.text:
        raise NotApplicable("the program stops early already")
    else:
        editor.replace(site.file, given.value, f"[*{{}}, {made}]")
    yield editor


def set_seed(program: Program) -> Iterator[Editor]:
    """`keras.utils.set_random_seed(0)` behind the imports."""
    file = fit(program).file
    if any(called(c) == "set_random_seed" for c in file.nodes(cst.Call)):
        raise NotApplicable("the program seeds Keras already")
    editor = program.editor("generators seeded")
    editor.begin(file, f"{keras(editor, file, 'utils')}.set_random_seed(0)\n")
    yield editor


def drop_shared(program: Program) -> Iterator[Editor]:
    """Rows of the training data that stand in `validation_data` too are left out of `fit`."""
    site = fit(program)
    held_out = argument(site.call, "validation_data")
    pair = held_out.value if held_out is not None else None
    given = [argument(site.call, name, FIT[name]) for name in ("x", "y")]
    if not isinstance(pair, cst.Tuple) or len(pair.elements) != 2 or None in given:
        raise NotApplicable("fit is not given arrays for training and a pair of arrays for validation")
    x, y = (one for one in given if one is not None)
    name, kept = "held_out", "unseen"
    code, other = site.code(x.value), site.code(pair.elements[0].value)
    editor = program.editor("evaluation samples kept out of training")
    editor.insert(site.file, site.call, before=(
        f"{name} = {{row.tobytes() for row in np.asarray({other})}}\n"
        f"{kept} = np.array([row.tobytes() not in {name} for row in np.asarray({code})])\n"
    ))  # fmt: skip
    editor.require(site.file, "np", "import numpy as np")
    for one in (x, y):
        editor.replace(site.file, one.value, f"{held(one.value)}[{kept}]")
    yield editor


def _batches(program: Program, factors: Sequence[tuple[int, str]], *, larger: bool) -> Iterator[Editor]:
    site: Site = fit(program)
    given = argument(site.call, "batch_size", FIT["batch_size"])
    records = [r for r in program.facts("loaders") if r.get("phase") == "train"]
    if given is None and not records:
        raise NotApplicable("batches are not cut by fit, and their size is not written there")
    now = int(records[0].get("batch_size") or DEFAULT_BATCH) if records else DEFAULT_BATCH
    for factor, what in factors:
        size = now * factor if larger else max(FEWEST, now // factor)
        if size == now or (larger and records and size > int(records[0].get("samples") or size)):
            raise NotApplicable("the batches cannot be changed so far")
        editor = program.editor(what)
        set_argument(editor, site, "batch_size", str(size), FIT["batch_size"])
        yield editor
