"""The optimizer of a Keras program: its class and its settings."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import drop_argument, scaled, set_argument
from netvet.fixes.keras_edits.places import compiling, keras, meant, optimizer_record, text
from netvet.fixes.keras_edits.rates import Named, optimizer, set_option
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

CLIPS = ("clipnorm", "clipvalue", "global_clipnorm")
# As for PyTorch: Karpathy 2019 for the rates; 0.9 in Sutskever et al. 2013; a norm of 1 in Pascanu et al. 2013.
RATES, MOMENTUM, NORM = ("1e-3", "3e-4"), "0.9", "1.0"
DECAYS = (0.01, 0.1, 0.0)
_REGULARISERS = ("L1", "L2", "L1L2", "l1", "l2", "l1_l2")
# What the strings "l1" and "l2" stand for.
_STRENGTH = 0.01


def adam(program: Program) -> Iterator[Editor]:
    """Adam in the place of another optimizer, at 1e-3 and at 3e-4."""
    if "adam" in str(optimizer_record(program).get("name")).lower():
        raise NotApplicable("the optimizer is Adam already")
    for rate in RATES:
        editor = program.editor(f"Adam with learning rate {rate}")
        _made(program, editor, f"Adam(learning_rate={rate})")
        yield editor


def sgd(program: Program) -> Iterator[Editor]:
    """SGD with momentum in the place of another optimizer."""
    if optimizer_record(program).get("name") == "SGD":
        raise NotApplicable("the optimizer is SGD already")
    editor = program.editor("SGD with momentum 0.9")
    _made(program, editor, f"SGD(learning_rate=0.01, momentum={MOMENTUM})")
    yield editor


def clip_gradients(program: Program) -> Iterator[Editor]:
    """`global_clipnorm=1.0` of the optimizer."""
    made = optimizer(program)
    if isinstance(made, Site) and any(argument(made.call, name) is not None for name in CLIPS):
        raise NotApplicable("the optimizer clips gradients already")
    editor = program.editor("gradients clipped to norm 1")
    set_option(program, editor, "global_clipnorm", NORM)
    yield editor


def usual_momentum(program: Program) -> Iterator[Editor]:
    """`momentum=0.9` of SGD."""
    made = optimizer(program)
    given = argument(made.call, "momentum", 1) if isinstance(made, Site) else None
    if given is None or not isinstance(made, Site):
        raise NotApplicable("no momentum is given")
    editor = program.editor("momentum 0.9")
    set_argument(editor, made, "momentum", MOMENTUM, 1)
    yield editor


def default_betas(program: Program) -> Iterator[Editor]:
    """No `beta_1` and no `beta_2` for Adam: those of Keras are 0.9 and 0.999."""
    made = optimizer(program)
    if not isinstance(made, Site):
        raise NotApplicable("the optimizer has its default betas")
    editor = program.editor("default betas")
    drop_argument(editor, made, "beta_1", "beta_2")
    yield editor


def constant_lr(program: Program) -> Iterator[Editor]:
    """The rate at which its schedule begins, for the whole run."""
    made = optimizer(program)
    given = argument(made.call, "learning_rate", 0) if isinstance(made, Site) else None
    schedule = meant(made.file, made.call, given.value) if given is not None and isinstance(made, Site) else None
    first = argument(schedule, "initial_learning_rate", 0) if isinstance(schedule, cst.Call) else None
    if given is None or first is None or not isinstance(made, Site):
        raise NotApplicable("the learning rate has no schedule that is written in the program")
    editor = program.editor("a constant learning rate")
    editor.replace(made.file, given.value, made.code(first.value))
    yield editor


def less_weight_decay(program: Program) -> Iterator[Editor]:
    """A hundredth of `weight_decay` and of the factors of regularisers, then a tenth, then none."""
    for factor in DECAYS:
        editor = program.editor(f"weight decay times {factor:g}")
        if not _scale_decay(program, editor, factor):
            raise NotApplicable("neither weight decay nor a regulariser is given")
        yield editor


def more_weight_decay(program: Program) -> Iterator[Editor]:
    """Decoupled weight decay of 0.004, the default of AdamW in Keras, then ten times that."""
    for value in ("0.004", "0.04"):
        editor = program.editor(f"weight decay {value}")
        made = optimizer(program)
        if isinstance(made, Site) and argument(made.call, "weight_decay") is not None:
            raise NotApplicable("weight decay is given already")
        set_option(program, editor, "weight_decay", value)
        yield editor


def _made(program: Program, editor: Editor, code: str) -> None:
    """Another optimizer in the place of the one that is given."""
    made = optimizer(program)
    if isinstance(made, Named):
        editor.replace(made.site.file, made.value, f"{keras(editor, made.site.file, 'optimizers')}.{code}")
    else:
        module = made.code(made.call.func).rpartition(".")[0] or keras(editor, made.file, "optimizers")
        editor.replace(made.file, made.call, f"{module}.{code}")


def _scale_decay(program: Program, editor: Editor, factor: float) -> bool:
    made, done = optimizer(program), False
    if isinstance(made, Site) and (given := argument(made.call, "weight_decay")) is not None:
        editor.replace(made.file, given.value, scaled(given.value, made.code(given.value), factor))
        done = True
    for file in {compiling(program).file.path: compiling(program).file}.values():
        for call in file.nodes(cst.Call):
            if called(call) in _REGULARISERS and re.search(r"regularizers|^[lL][12]", file.code(call.func)):
                for one in call.args:
                    editor.replace(file, one.value, scaled(one.value, file.code(one.value), factor))
                done = done or bool(call.args)
        done = _of_strings(editor, file, factor) or done
    return done


def _of_strings(editor: Editor, file: SourceFile, factor: float) -> bool:
    found = [a for a in file.nodes(cst.Arg) if a.keyword is not None and a.keyword.value.endswith("_regularizer")]
    named = [a for a in found if text(a.value) in ("l1", "l2")]
    for one in named:
        kind = str(text(one.value)).upper()
        editor.replace(file, one.value, f"{keras(editor, file, 'regularizers')}.{kind}({_STRENGTH * factor:g})")
    return bool(named)
