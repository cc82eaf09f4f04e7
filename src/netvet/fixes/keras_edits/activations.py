"""Activations of a Keras program: between layers, and behind the last one."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import set_argument
from netvet.fixes.keras_edits.losses import Loss, loss, refuse_classes
from netvet.fixes.keras_edits.models import activation_argument, each, hidden, last_activation, set_activation, weighted
from netvet.fixes.keras_edits.places import text
from netvet.fixes.program import Program, Site
from netvet.fixes.source import Editor, NotApplicable, called

OUTPUTS = {"cross_entropy": "softmax", "nll_loss": "softmax", "binary_cross_entropy": "sigmoid"}
# Activations whose slope dies away on one side or both.
_FLAT = ("sigmoid", "tanh", "softsign", "hard_sigmoid")


def add_activation(program: Program) -> Iterator[Editor]:
    """`activation="relu"` for each hidden layer that has none."""
    editor, bare = program.editor("an activation between linear layers"), 0
    for site in each(program, hidden(program)):
        if activation_argument(site) is None and not _is_followed(site):
            set_activation(editor, site, "relu")
            bare += 1
    if not bare:
        raise NotApplicable("each hidden layer has an activation")
    yield editor


def relu(program: Program) -> Iterator[Editor]:
    """`"relu"` for the sigmoid or tanh of hidden layers."""
    yield _exchanged(program, _FLAT, "relu")


def leaky_relu(program: Program) -> Iterator[Editor]:
    """`"leaky_relu"` for the ReLU of hidden layers."""
    yield _exchanged(program, ("relu",), "leaky_relu")


def gelu(program: Program) -> Iterator[Editor]:
    """`"gelu"` for the ReLU of hidden layers."""
    yield _exchanged(program, ("relu",), "gelu")


def remove_softmax(program: Program) -> Iterator[Editor]:
    """Take the softmax of the last layer away."""
    yield _without(program, "softmax")


def remove_sigmoid(program: Program) -> Iterator[Editor]:
    """Take the sigmoid of the last layer away."""
    yield _without(program, "sigmoid")


def remove_activation(program: Program) -> Iterator[Editor]:
    """Leave the last layer linear, where its loss is one of amounts."""
    given = loss(program)
    if given.function not in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
        raise NotApplicable("the loss is not one of amounts, whose last layer is linear")
    refuse_classes(program)
    yield _without(program, None)


def sigmoid(program: Program) -> Iterator[Editor]:
    """A sigmoid in the place of a softmax over one output."""
    site, name = last_activation(program)
    if name != "softmax" or (weighted(program)[-1].get("output_shape") or [0])[-1] != 1:
        raise NotApplicable("the last layer is no softmax over one output")
    if loss(program).logits:
        raise NotApplicable("the loss applies a sigmoid itself")
    editor = program.editor("a sigmoid of the single output")
    set_activation(editor, site, "sigmoid")
    yield editor


def output_activation(program: Program) -> Iterator[Editor]:
    """The activation that the loss takes its probabilities from."""
    site, name = last_activation(program)
    given: Loss = loss(program)
    wanted = None if given.logits else OUTPUTS.get(given.function)
    if wanted == "softmax" and (weighted(program)[-1].get("output_shape") or [0])[-1] < 2:
        raise NotApplicable("a softmax over one output is always 1")
    if wanted is None or name == wanted:
        raise NotApplicable("the last activation is what the loss takes")
    editor = program.editor(f"a {wanted} as the last activation")
    set_activation(editor, site, wanted)
    yield editor


def _without(program: Program, name: str | None) -> Editor:
    site, found = last_activation(program)
    if found is None or (name is not None and found != name):
        raise NotApplicable(f"the last layer has no {name or 'activation'}")
    if name is not None and not loss(program).logits:
        raise NotApplicable(f"the loss takes what a {name} gives")
    editor = program.editor(f"no {found} in the last layer")
    set_activation(editor, site, None)
    return editor


def _exchanged(program: Program, old: tuple[str, ...], new: str) -> Editor:
    editor, done = program.editor(f"{new} as activation"), 0
    files = {site.file.path: site.file for site in each(program, weighted(program))}
    last, _ = last_activation(program)
    for file in files.values():
        for call in file.nodes(cst.Call):
            site = Site(file, call, {})
            given = activation_argument(site) if call is not last.call and called(call)[:1].isupper() else None
            if given is not None and text(given.value) in old:
                set_argument(editor, site, "activation", f'"{new}"', 0 if called(call) == "Activation" else 1)
                done += 1
    if not done:
        raise NotApplicable(f"no hidden layer has the activation {' or '.join(old)}")
    return editor


def _is_followed(site: Site) -> bool:
    """An activation, or a norm that one follows, stands right behind the layer."""
    file, parent = site.file, site.file.parent(site.call)
    if isinstance(parent, cst.Element):
        above = file.parent(parent)
        rest = list(above.elements) if isinstance(above, (cst.List, cst.Tuple)) else []
        behind = rest[rest.index(parent) + 1 :][:2] if parent in rest else []
        names = [called(e.value) for e in behind if isinstance(e.value, cst.Call)]
        return any(name in ("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax") for name in names)
    return False
