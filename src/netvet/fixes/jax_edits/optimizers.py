"""Optimizers of Optax: another one, other options, gradients clipped."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import drop_argument, scaled, set_argument
from netvet.fixes.jax_edits.places import MAKERS, gradient_function, made_by, optimizers, package, steps_by_hand
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.source import Editor, NotApplicable, called, inside

RATES = ("1e-3", "3e-4")
MOMENTUM, NORM = 0.9, 1.0
CLIPS = ("clip_by_global_norm", "adaptive_grad_clip", "clip")


def adam(program: Program) -> Iterator[Editor]:
    """`optax.adam` at 1e-3 and at 3e-4."""
    for rate in RATES:
        editor = program.editor(f"Adam with learning rate {rate}")
        for site in optimizers(program):
            if "adam" in made_by(site.call):
                raise NotApplicable("the optimizer is Adam already")
            _put(editor, site, f"adam({rate})")
        yield editor


def sgd(program: Program) -> Iterator[Editor]:
    """`optax.sgd` with momentum, at 0.1 and at 0.01."""
    for rate in ("0.1", "0.01"):
        editor = program.editor(f"SGD with learning rate {rate}, momentum {MOMENTUM}")
        for site in optimizers(program):
            if made_by(site.call) == "sgd":
                raise NotApplicable("the optimizer is SGD already")
            _put(editor, site, f"sgd({rate}, momentum={MOMENTUM})")
        yield editor


def _put(editor: Editor, site: Site, made: str) -> None:
    """Another optimizer in the place of one.

    Raises:
        NotApplicable: it is a part of a chain.
    """
    if made_by(site.call) not in MAKERS or isinstance(site.call.func, cst.Call):
        raise NotApplicable("the optimizer is put together of parts")
    module = package(editor, site.file, "optax")
    code = site.code(site.call.func).rpartition(".")[0] or module
    editor.change(site.file, site.call, lambda _: cst.parse_expression(f"{code}.{made}"))


def usual_momentum(program: Program) -> Iterator[Editor]:
    """Momentum 0.9; of Adam and its kin, decays of 0.9 and 0.999."""
    editor = program.editor(f"momentum {MOMENTUM}")
    for site in optimizers(program):
        name = made_by(site.call)
        if name in ("sgd", "rmsprop", "noisy_sgd"):
            given = argument(site.call, "momentum", 1 if name == "sgd" else None)
            if given is not None and site.code(given.value) == str(MOMENTUM):
                raise NotApplicable(f"the momentum of {name} is the usual one")
            set_argument(editor, site, "momentum", str(MOMENTUM), 1 if name == "sgd" else None)
        else:
            _betas(editor, site)
    yield editor


def default_betas(program: Program) -> Iterator[Editor]:
    """The decays and the epsilon that Optax has for them."""
    editor = program.editor("Adam's own betas and epsilon")
    for site in optimizers(program):
        drop_argument(editor, site, "b1", "b2", "eps")
    yield editor


def _betas(editor: Editor, site: Site) -> None:
    named = [name for name in ("b1", "b2") if argument(site.call, name) is not None]
    usual = {"b1": "0.9", "b2": "0.999"}
    wrong = [name for name in named if site.code(argument(site.call, name).value) != usual[name]]  # type: ignore[union-attr]
    if "adam" not in made_by(site.call) or not wrong:
        raise NotApplicable(f"the momentum of {made_by(site.call)} is the usual one")
    drop_argument(editor, site, *wrong)


def less_weight_decay(program: Program) -> Iterator[Editor]:
    """A tenth of the weight decay, then none."""
    for factor, what in ((0.1, "a tenth of the weight decay"), (0.0, "no weight decay")):
        editor, found = program.editor(what), False
        for site in optimizers(program):
            given = argument(site.call, "weight_decay")
            code = site.code(given.value) if given is not None else ""
            if given is not None and code not in ("0", "0.0"):
                editor.replace(site.file, given.value, scaled(given.value, code, factor) if factor else "0.0")
                found = True
            elif given is None and made_by(site.call) in ("adamw", "nadamw", "adamaxw"):
                set_argument(editor, site, "weight_decay", f"{factor * 1e-4:g}")
                found = True
        if not found:
            raise NotApplicable("no weight decay is given where the optimizer is made")
        yield editor


def clip_gradients(program: Program) -> Iterator[Editor]:
    """The gradients clipped to norm 1 before the optimizer gets them."""
    editor = program.editor(f"gradients clipped to norm {NORM:g}")
    if steps_by_hand(program):
        _clip_by_hand(program, editor)
        yield editor
        return
    for site in optimizers(program):
        if any(called(c) in CLIPS for c in inside(site.file.statement_of(site.call), cst.Call)):
            raise NotApplicable("the gradients are clipped already")
        optax = package(editor, site.file, "optax")
        clip = f"{optax}.clip_by_global_norm({NORM})"
        chain = next((c for c in site.file.around(site.call, cst.Call) if called(c) == "chain"), None)
        if chain is not None and chain.args:
            _first(editor, site, chain, clip)
        else:
            editor.replace(site.file, site.call, f"{optax}.chain({clip}, {{}})")
    yield editor


def _first(editor: Editor, site: Site, chain: cst.Call, code: str) -> None:
    def add(old: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(old, cst.Call)
        comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        return old.with_changes(args=[cst.Arg(cst.parse_expression(code), comma=comma), *old.args])

    editor.change(site.file, chain, add)


def _clip_by_hand(program: Program, editor: Editor) -> None:
    """A line behind the gradient that scales it down to norm 1."""
    file, _, line = gradient_function(program)
    statement = file.statement(line)
    assigned = next(iter(inside(statement, cst.Assign)), None)
    target: cst.BaseExpression | None = assigned.targets[0].target if assigned is not None else None
    if isinstance(target, cst.Tuple) and len(target.elements) == 2:
        target = target.elements[1].value
    if not isinstance(target, cst.Name):
        raise NotApplicable("the gradient has no name where the loss is differentiated")
    name, jnp = target.value, package(editor, file, "jax.numpy")
    jax = package(editor, file, "jax")
    code = (
        f"norm = {jnp}.sqrt(sum({jnp}.sum(g**2) for g in {jax}.tree.leaves({name})))\n"
        f"{name} = {jax}.tree.map(lambda g: g / {jnp}.maximum(norm, {NORM}), {name})\n"
    )
    editor.insert(file, statement, after=code)
