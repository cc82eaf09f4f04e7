"""The loss of a Keras program: where it is given, of what kind, and whether it takes logits or probabilities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from netvet.fixes.edits import drop_argument, set_argument
from netvet.fixes.keras_edits.models import last_activation, layers, set_activation
from netvet.fixes.keras_edits.places import COMPILE, compiling, keras, text, value_of
from netvet.fixes.program import Program, Record, Site
from netvet.fixes.source import Editor, NotApplicable, called

# Losses that Keras knows by a string, and their classes.
CLASSES = {
    "categorical_crossentropy": "CategoricalCrossentropy", "binary_crossentropy": "BinaryCrossentropy",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
}  # fmt: skip
AMOUNTS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")


@dataclass(frozen=True)
class Loss:
    """The loss of a model.

    Args:
        function: its name in PyTorch; `record`: what the run says of it.
        site: the call of `compile`; `value`: what stands there, `meant`: for which value.
    """

    function: str
    record: Record
    site: Site
    value: cst.BaseExpression
    meant: cst.BaseExpression

    @property
    def logits(self) -> bool:
        """It applies a softmax or sigmoid itself."""
        return self.function in ("cross_entropy", "binary_cross_entropy_with_logits")

    @property
    def name(self) -> str | None:
        """The string by which it is given."""
        return text(self.meant)


def loss(program: Program) -> Loss:
    """The loss that the model was compiled with.

    Raises:
        NotApplicable: there are several, or it is not found.
    """
    records = [r for r in program.facts("losses") if r.get("phase") == "train"]
    if len(records) != 1:
        raise NotApplicable(f"{len(records)} losses were seen, and which is meant is not known")
    site = compiling(program)
    given = value_of(site, "loss", COMPILE["loss"])
    if given is None:
        raise NotApplicable("no loss is given to compile")
    return Loss(str(records[0].get("function")), records[0], site, *given)


def from_logits(program: Program) -> Iterator[Editor]:
    """`from_logits=True` where the last layer is linear, none where it has an activation."""
    given = loss(program)
    _, activation = last_activation(program)
    editor = program.editor("from_logits as the last layer has it")
    if given.logits and activation in ("softmax", "sigmoid") and isinstance(given.meant, cst.Call):
        drop_argument(editor, Site(given.site.file, given.meant, {}), "from_logits")
    elif not given.logits and activation is None and given.function in ("nll_loss", "binary_cross_entropy"):
        if isinstance(given.meant, cst.Call):
            set_argument(editor, Site(given.site.file, given.meant, {}), "from_logits", "True")
        elif given.name in CLASSES:
            made = f"{keras(editor, given.site.file, 'losses')}.{CLASSES[str(given.name)]}(from_logits=True)"
            editor.replace(given.site.file, given.meant, made)
        else:
            raise NotApplicable("where the loss is made is not known")
    else:
        raise NotApplicable("the loss takes what the last layer gives")
    yield editor


def cross_entropy(program: Program) -> Iterator[Editor]:
    """The cross-entropy of classes for a loss of amounts: of one-hot targets, or of numbers of classes."""
    given = loss(program)
    outputs = outputs_of(program)
    shape = (given.record.get("target") or {}).get("shape") or []
    if given.function not in AMOUNTS or outputs < 2:
        raise NotApplicable("the loss is not one of amounts over several outputs")
    one_hot = bool(shape) and len(shape) > 1 and int(shape[-1]) == outputs
    name = "categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"
    yield _exchanged(program, given, name, "softmax")


def bce_with_logits(program: Program) -> Iterator[Editor]:
    """The cross-entropy of yes and no for a loss of amounts, with a sigmoid as last activation where it has none."""
    given = loss(program)
    target = given.record.get("target") or {}
    outputs = outputs_of(program)
    if given.function not in AMOUNTS or outputs != 1 or (target.get("min"), target.get("max")) != (0, 1):
        raise NotApplicable("the loss is not one of amounts over one output for yes and no")
    yield _exchanged(program, given, "binary_crossentropy", "sigmoid")


def outputs_of(program: Program) -> int:
    """Numbers that the model gives for each sample.

    Raises:
        NotApplicable: its layers are not known.
    """
    every = layers(program)
    if not every or not every[-1].get("output_shape"):
        raise NotApplicable("the last layer of the model is not known")
    return int(every[-1]["output_shape"][-1])


def refuse_classes(program: Program) -> None:
    """Raise `NotApplicable` where the targets are yes and no, or one-hot classes: no amounts."""
    for one in program.facts("targets"):
        whole = (one.get("std") or 0.0) <= 0.5 and (one.get("min"), one.get("max")) == (0, 1)
        record = next((r.get("target") or {} for r in program.facts("losses") if r.get("phase") == "train"), {})
        if whole and record.get("integral") and record.get("distinct") == 2:
            raise NotApplicable("the targets are classes, and no amounts")


def huber(program: Program) -> Iterator[Editor]:
    """Huber's loss for the squared error."""
    given = loss(program)
    if given.function != "mse_loss":
        raise NotApplicable("the loss is no squared error")
    editor = program.editor("Huber loss")
    editor.replace(given.site.file, given.value, '"huber"')
    yield editor


def label_smoothing(program: Program) -> Iterator[Editor]:
    """`label_smoothing=0.1` of a cross-entropy of one-hot targets."""
    given = loss(program)
    editor = program.editor("labels smoothed by 0.1")
    if isinstance(given.meant, cst.Call) and called(given.meant) == "CategoricalCrossentropy":
        set_argument(editor, Site(given.site.file, given.meant, {}), "label_smoothing", "0.1")
    elif given.name == "categorical_crossentropy":
        made = f"{keras(editor, given.site.file, 'losses')}.CategoricalCrossentropy(label_smoothing=0.1)"
        editor.replace(given.site.file, given.meant, made)
    else:
        raise NotApplicable("the loss is no cross-entropy of one-hot targets")
    yield editor


def _exchanged(program: Program, given: Loss, name: str, activation: str) -> Editor:
    editor = program.editor(name)
    site, found = last_activation(program)
    editor.replace(given.site.file, given.value, f'"{name}"')
    if found != activation:
        set_activation(editor, site, activation)
    return editor
