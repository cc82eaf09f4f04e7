"""The targets of a Keras program."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import held, set_argument
from netvet.fixes.keras_edits.inputs import defined
from netvet.fixes.keras_edits.losses import loss, refuse_classes
from netvet.fixes.keras_edits.models import behind, each, layers, prefix, weighted
from netvet.fixes.keras_edits.places import FIT, fit, optimizer_record
from netvet.fixes.program import Program, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

# Weight of a loss that is to count in units of the spread of the targets.
_UNITS = {"mse_loss": "[1 / {std} ** 2]", "l1_loss": "[1 / {std}]"}
# Optimizers whose steps do not depend on the scale of the loss.
_SCALE_FREE = (
    "Adam",
    "AdamW",
    "Nadam",
    "Adamax",
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "Lion",
    "Lamb",
    "Adafactor",
    "Ftrl",
)


def standardise_target(program: Program) -> Iterator[Editor]:
    """A last layer `Rescaling` to the mean and spread of the training targets: the net itself works in their units.

    An optimizer that feels the scale of the loss gets it in units of the spread, by `loss_weights`.
    """
    given, last = loss(program), weighted(program)[-1:]
    if given.function not in ("mse_loss", "l1_loss", "huber_loss", "smooth_l1_loss"):
        raise NotApplicable("the loss is not one of amounts")
    refuse_classes(program)
    if layers(program)[-1].get("name") != last[0].get("name"):
        raise NotApplicable("the last layer is not one with weights")
    (site,) = each(program, last)
    editor = program.editor("standardised targets")
    y = argument(fit(program).call, "y", FIT["y"])
    if y is not None and fit(program).file is site.file and defined(site.file, y.value, site.call):
        mean, std, code = "target_mean", "target_std", held(y.value).format(site.code(y.value))
        editor.insert(site.file, site.call, before=f"{mean}, {std} = float({code}.mean()), float({code}.std())\n")
    else:
        facts = next((t for t in program.facts("targets") if t.get("phase") == "train" and t.get("std")), None)
        if facts is None:
            raise NotApplicable("the mean and spread of the targets are not known")
        mean, std = f"{float(facts['mean']):.6g}", f"{float(facts['std']):.6g}"
    behind(editor, site, f"{prefix(editor, site)}Rescaling({std}, offset={mean})")
    if optimizer_record(program).get("name") not in _SCALE_FREE:
        if given.function not in _UNITS or argument(given.site.call, "loss_weights") is not None:
            raise NotApplicable("the loss cannot be weighed in units of the targets")
        set_argument(editor, given.site, "loss_weights", _UNITS[given.function].format(std=std))
    yield editor


def start_at_zero(program: Program) -> Iterator[Editor]:
    """The smallest label is subtracted from what `fit` and `evaluate` are given."""
    for one in program.facts("targets"):
        low, high, outputs = (one.get(k) or 0 for k in ("min", "max", "outputs"))
        if one.get("phase") == "train" and low > 0 and outputs <= high < outputs + low:
            break
    else:
        raise NotApplicable("that the labels begin at another number than 0 is not known")
    file = fit(program).file
    editor = program.editor("classes numbered from 0")
    for value in _given_targets(file):
        editor.replace(file, value, f"{held(value)} - {low:g}")
    yield editor


def more_outputs(program: Program) -> Iterator[Editor]:
    """As many `units` of the last layer as there are numbers of classes."""
    found = [t for t in program.facts("targets") if t.get("phase") == "train" and t.get("kind") == "classes"]
    last = weighted(program)[-1]
    if len(found) != 1 or (found[0].get("min") or 0) < 0 or not 2 <= (found[0].get("outputs") or 0) <= found[0]["max"]:
        raise NotApplicable("the numbers of the classes fit the outputs")
    (site,) = each(program, [last])
    if called(site.call) != "Dense":
        raise NotApplicable("the last layer is not dense")
    editor = program.editor("one output for each class")
    set_argument(editor, site, "units", str(int(found[0]["max"]) + 1), 0)
    yield editor


def _given_targets(file: SourceFile) -> Iterator[cst.BaseExpression]:
    for call in file.nodes(cst.Call):
        if called(call) in ("fit", "evaluate") and isinstance(call.func, cst.Attribute):
            given, pair = argument(call, "y", 1), argument(call, "validation_data")
            if given is not None:
                yield given.value
            if pair is not None and isinstance(pair.value, cst.Tuple) and len(pair.value.elements) > 1:
                yield pair.value.elements[1].value
