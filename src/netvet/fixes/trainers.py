"""Settings that a program hands to a trainer, which makes the optimizer, the loaders and the loop itself.

What is set where is said by the documentation of each: `transformers.TrainingArguments`, `skorch.NeuralNet`,
`fastai.learner.Learner`, `lightning.Trainer` and `ignite.engine.Engine.run`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import libcst as cst

from netvet.fixes.edits import scaled, set_argument
from netvet.fixes.program import Program, Site, argument, packages
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called


@dataclass(frozen=True)
class Setting:
    """An argument of a call that holds a setting.

    Args:
        calls: names of what is called, as a regular expression of the whole name; subclasses in the file count too.
        name: of the argument; `position`: among those without a name.
        default: what holds where the argument is not given, as code; None: it is another's to say.
    """

    calls: str
    name: str
    position: int | None = None
    default: str | None = None


_ARGUMENTS, _NET, _LEARNER = r"\w*TrainingArguments", r"NeuralNet\w*", r"Learner|\w+_learner"
_FIT, _CYCLE = r"fit|fit_flat_cos", r"fit_one_cycle"
_LOADERS = r"dataloaders|from_(?:dsets|folder|name_func|name_re|path_func|path_re|df|csv|lists|dblock|label_func)"
_PARAMETERS = rf"{_NET}|set_params"

# Of each setting, where each library takes it. What is given holds, else the last with a default.
SETTINGS: Mapping[str, Mapping[str, tuple[Setting, ...]]] = {
    "lr": {
        "transformers": (Setting(_ARGUMENTS, "learning_rate", default="5e-5"),),
        "skorch": (
            Setting(_PARAMETERS, "optimizer__lr"), Setting("set_params", "lr"), Setting(_NET, "lr", None, "0.01"),
        ),
        "fastai": (
            Setting(_FIT, "lr", 1), Setting(_CYCLE, "lr_max", 1), Setting("fit_sgdr", "lr_max", 2),
            Setting(_LEARNER, "lr", None, "1e-3"), Setting("fine_tune", "base_lr", 1, "2e-3"),
        ),
    },
    "batch_size": {
        "transformers": (Setting(_ARGUMENTS, "per_device_train_batch_size", default="8"),),
        "skorch": (
            Setting(_PARAMETERS, "iterator_train__batch_size"), Setting("set_params", "batch_size"),
            Setting(_NET, "batch_size", None, "128"),
        ),
        "fastai": (Setting(_LOADERS, "bs", None, "64"),),
        "lightning": (Setting("from_datasets", "batch_size", 4, "1"),),
    },
    "weight_decay": {
        "transformers": (Setting(_ARGUMENTS, "weight_decay", default="0.0"),),
        "skorch": (Setting(_PARAMETERS, "optimizer__weight_decay", default=""),),
        "fastai": (Setting(f"{_FIT}|{_CYCLE}|fine_tune|fit_sgdr", "wd"), Setting(_LEARNER, "wd", default="")),
    },
    "max_norm": {
        "transformers": (Setting(_ARGUMENTS, "max_grad_norm", default="1.0"),),
        "skorch": (Setting("GradientNormClipping", "gradient_clip_value", 0),),
        "fastai": (Setting("GradientClip", "max_norm", 0, None),),
        "lightning": (Setting("Trainer", "gradient_clip_val", default=""),),
    },
    "epochs": {
        "transformers": (Setting(_ARGUMENTS, "max_steps"), Setting(_ARGUMENTS, "num_train_epochs", default="3")),
        "skorch": (Setting(r"fit|partial_fit", "epochs"), Setting("set_params", "max_epochs"),
                   Setting(_NET, "max_epochs", None, "10")),
        "fastai": (Setting(f"{_FIT}|{_CYCLE}", "n_epoch", 0), Setting("fine_tune", "epochs", 0),
                   Setting("fit_sgdr", "n_cycles", 0)),
        "lightning": (Setting("Trainer", "max_steps"), Setting("Trainer", "max_epochs", default="1000")),
        "ignite": (Setting("run", "max_epochs", 1),),
    },
    "momentum": {"skorch": (Setting(_PARAMETERS, "optimizer__momentum", default=""),)},
    "optimizer": {
        "transformers": (Setting(_ARGUMENTS, "optim", default=""),),
        "skorch": (Setting(_PARAMETERS, "optimizer", default=""),),
        "fastai": (Setting(_LEARNER, "opt_func", default=""),),
    },
    "schedule": {"transformers": (Setting(_ARGUMENTS, "lr_scheduler_type", default=""),)},
    "warmup": {"transformers": (Setting(_ARGUMENTS, "warmup_steps", default=""),)},
    "label_smoothing": {"transformers": (Setting(_ARGUMENTS, "label_smoothing_factor", default=""),)},
    "shuffle": {"skorch": (Setting(_PARAMETERS, "iterator_train__shuffle", default=""),)},
}  # fmt: skip


@dataclass(frozen=True)
class Held:
    """A setting where a program gives it, or would.

    Args:
        site: the call; `value`: what stands there, None where nothing does.
    """

    site: Site
    setting: Setting
    value: cst.BaseExpression | None

    def set(self, editor: Editor, code: str) -> None:
        """Give it this value."""
        if self.value is not None:
            editor.replace(self.site.file, self.value, code)
        else:
            set_argument(editor, self.site, self.setting.name, code)

    def times(self, editor: Editor, factor: float) -> None:
        """Multiply it; whole numbers by a whole number stay whole.

        Raises:
            NotApplicable: it is not given, and has no number by default.
        """
        if self.value is None:
            if not self.setting.default:
                raise NotApplicable(f"{self.setting.name} is not given to {self.site.code(self.site.call.func)}")
            self.set(editor, _product(None, self.setting.default, factor))
            return
        inner = self.value
        ends = [a.value for a in inner.args] if isinstance(inner, cst.Call) and called(inner) == "slice" else [inner]
        for one in ends:
            code = self.site.code(one)
            if code not in ("None", "-1"):  # which mean: none of its own
                editor.replace(self.site.file, one, _product(one, code, factor))


def _product(node: cst.BaseExpression | None, code: str, factor: float) -> str:
    whole = re.fullmatch(r"\d+", code) and factor == int(factor)
    return (
        str(int(code) * int(factor)) if whole else scaled(node if node is not None else cst.Integer("1"), code, factor)
    )


def held(program: Program, name: str) -> list[Held]:
    """Where a program gives a setting to its trainer; in all of the trainer's calls.

    Raises:
        NotApplicable: no trainer of the program takes it, or not where it can be read.
    """
    files = list(_files(program))
    for package, settings in SETTINGS[name].items():
        chosen = [file for file in files if package in packages(file)]
        given = [one for setting in settings for file in chosen for one in _given(file, setting)]
        if given:
            return given
        for setting in reversed(settings):
            if setting.default is not None:
                bare = [Held(Site(f, c, {}), setting, None) for f in chosen for c in _calls(f, setting.calls)]
                if bare:
                    return bare
    raise NotApplicable(f"no trainer of the program is given its {name.replace('_', ' ')} where that can be read")


# Optimizers as each library is told of them; with momentum where it is an argument beside.
_OPTIMIZERS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "transformers": {"AdamW": ('"adamw_torch"', ""), "SGD": ('"sgd"', "")},
    "skorch": {"AdamW": ("torch.optim.AdamW", ""), "SGD": ("torch.optim.SGD", "0.9")},
    "fastai": {"AdamW": ("Adam", ""), "SGD": ("SGD", "")},
}


def other_optimizer(program: Program, editor: Editor, name: str, rate: str) -> None:
    """Let a trainer make another optimizer, at a rate.

    Raises:
        NotApplicable: the trainer is not given one where it can be read, or arguments for another.
    """
    for one in held(program, "optimizer"):
        file = one.site.file
        package = next(p for p in _OPTIMIZERS if p in packages(file))
        code, momentum = _OPTIMIZERS[package][name]
        own = [a.keyword.value for a in one.site.call.args if a.keyword and a.keyword.value.startswith("optimizer__")]
        if any(argument not in ("optimizer__lr", "optimizer__weight_decay") for argument in own):
            raise NotApplicable("the optimizer is given arguments that another does not know")
        one.set(editor, code)
        if momentum:
            set_argument(editor, one.site, "optimizer__momentum", momentum)
        if code.startswith("torch."):
            editor.require(file, "torch", "import torch")
    for one in held(program, "lr"):
        one.set(editor, rate)


# What clips gradients: the argument that takes it, and how it is made and imported.
_CLIPPING: Mapping[str, tuple[str, str, str, str]] = {
    "skorch": (_NET, "callbacks", "GradientNormClipping", "skorch.callbacks"),
    "fastai": (_LEARNER, "cbs", "GradientClip", "fastai.callback.training"),
}


def clip(program: Program, editor: Editor, norm: str) -> None:
    """Let a trainer clip gradients, by an argument or a callback.

    Raises:
        NotApplicable: it clips to some norm already, or what it is given cannot be read.
    """
    try:
        found = held(program, "max_norm")
    except NotApplicable:
        _clip_by_callback(program, editor, norm)
        return
    for one in found:
        if one.value is None and one.setting.default:
            raise NotApplicable(f"the trainer clips to norm {one.setting.default} by default")
        one.set(editor, norm)


def _clip_by_callback(program: Program, editor: Editor, norm: str) -> None:
    for package, (calls, name, kind, module) in _CLIPPING.items():
        for file in [file for file in _files(program) if package in packages(file)]:
            for call in _calls(file, calls):
                value = _value(file, call, Setting(calls, name))
                one, made = Held(Site(file, call, {}), Setting(calls, name), value), f"{kind}({norm})"
                if value is not None and not isinstance(value, (cst.List, cst.Call)):
                    raise NotApplicable(f"what {name} holds cannot be read")
                empty = isinstance(value, cst.List) and not value.elements
                inside = file.code(value)[1:-1].rstrip(" ,\n") if isinstance(value, cst.List) else "{}"
                one.set(editor, f"[{made}]" if value is None or empty else f"[{inside}, {made}]")
                editor.require(file, kind, f"from {module} import {kind}")
                return
    raise NotApplicable("no trainer of the program is known to clip gradients")


def _given(file: SourceFile, setting: Setting) -> Iterator[Held]:
    for call in _calls(file, setting.calls):
        value = _value(file, call, setting)
        if value is not None:
            yield Held(Site(file, call, {}), setting, value)


def _value(file: SourceFile, call: cst.Call, setting: Setting) -> cst.BaseExpression | None:
    """What an argument is given, by `**settings` too.

    Raises:
        NotApplicable: it may be in what is handed over by `**`, and that cannot be read.
    """
    found = argument(call, setting.name, setting.position)
    if found is not None:
        return found.value
    for one in call.args:
        if one.star == "**":
            for pairs in _dicts(file, one.value):
                if setting.name in pairs:
                    return pairs[setting.name]
    return None


def _dicts(file: SourceFile, node: cst.BaseExpression) -> Iterator[dict[str, cst.BaseExpression]]:
    """The pairs of a dict, or of all that a variable is given in the file.

    Raises:
        NotApplicable: the variable is given none.
    """
    made = [node] if not isinstance(node, cst.Name) else [
        a.value for a in file.nodes(cst.Assign) if any(file.code(t.target) == node.value for t in a.targets)
    ]  # fmt: skip
    if not any(isinstance(one, cst.Dict) or (isinstance(one, cst.Call) and called(one) == "dict") for one in made):
        raise NotApplicable(f"what {file.code(node)} holds cannot be read")
    for one in made:
        if isinstance(one, cst.Dict):
            pairs = [e for e in one.elements if isinstance(e, cst.DictElement)]
            yield {file.code(e.key).strip("'\""): e.value for e in pairs}
        elif isinstance(one, cst.Call):
            yield {a.keyword.value: a.value for a in one.args if a.keyword is not None}


def _calls(file: SourceFile, pattern: str) -> list[cst.Call]:
    own = {pattern}
    for one in file.nodes(cst.ClassDef):
        if any(re.fullmatch(pattern, file.code(b.value).rpartition(".")[2]) for b in one.bases):
            own.add(re.escape(one.name.value))
    return [call for call in file.nodes(cst.Call) if re.fullmatch("|".join(f"(?:{p})" for p in own), called(call))]


def _files(program: Program) -> Iterator[SourceFile]:
    """The files of the program that its run has named."""
    seen: set[str] = set()
    for fact in ("run", "optimizers", "backwards", "losses", "loaders", "modules", "inputs"):
        for record in program.facts(fact):
            for key in ("script", "file", "created_file", "data_file"):
                path = record.get(key)
                if path and str(path).endswith(".py"):
                    try:
                        file = program.sources.file(str(path))
                    except NotApplicable:
                        continue
                    if file.path not in seen:
                        seen.add(file.path)
                        yield file
