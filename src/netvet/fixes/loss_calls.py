"""Where losses are called and made in a program, and other functions in their place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from netvet.fixes.edits import is_module, rename
from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, last_name

# The module of PyTorch that calls each function.
MODULES = {
    "cross_entropy": "CrossEntropyLoss", "nll_loss": "NLLLoss", "mse_loss": "MSELoss", "l1_loss": "L1Loss",
    "smooth_l1_loss": "SmoothL1Loss", "huber_loss": "HuberLoss", "binary_cross_entropy": "BCELoss",
    "binary_cross_entropy_with_logits": "BCEWithLogitsLoss", "soft_margin_loss": "SoftMarginLoss",
    "hinge_embedding_loss": "HingeEmbeddingLoss", "kl_div": "KLDivLoss", "ctc_loss": "CTCLoss",
}  # fmt: skip
# What variables that hold losses are called, where nothing else tells them from other functions on their line.
_NAMED = ("loss", "crit", "bce", "nll", "mse", "entropy", "objective")


@dataclass(frozen=True)
class LossCall:
    """A call of a loss. `made`: where its module was made, in a file of the program; None for a plain function."""

    site: Site
    made: Site | None
    function: str

    @property
    def record(self) -> Record:
        """What the run says of it."""
        return self.site.record

    @property
    def trains(self) -> bool:
        """It is called in training."""
        return self.record.get("phase") == "train"

    @property
    def plain(self) -> bool:
        """The function itself is called, and no module that calls it."""
        return not self.record.get("created_file") and _is(self.site.file, self.site.call, self.function)

    def input(self) -> cst.BaseExpression:
        """What it is given as prediction.

        Raises:
            NotApplicable: it is given none by itself.
        """
        return self._given("input", 0)

    def target(self) -> cst.BaseExpression:
        """What it is given as target.

        Raises:
            NotApplicable: it is given none by itself.
        """
        return self._given("target", 1)

    def _given(self, name: str, position: int) -> cst.BaseExpression:
        given = argument(self.site.call, name, position)
        if given is None:
            raise NotApplicable(f"{self.site.code(self.site.call)} is not given its {name} by itself")
        return given.value


def loss_calls(program: Program, *functions: str, training: bool = False) -> list[LossCall]:
    """The calls of these losses (of all, if none is named) that the run has seen, each once, training first.

    Args:
        training: leave out those of evaluation.

    Raises:
        NotApplicable: none of them stands in a file of the program.
    """
    found: list[LossCall] = []
    for one in sorted(program.facts("losses"), key=lambda r: r.get("phase") != "train"):
        unwanted = (functions and one.get("function") not in functions) or one.get("feeds_backward") is None
        if unwanted or (one.get("phase") == "train" and one.get("feeds_backward") is False):
            continue
        if training and one.get("phase") != "train":
            continue
        call = _call(program, one)
        if call is not None and not any(c.site.call is call.site.call for c in found):
            found.append(call)
    if not any(c.trains for c in found):
        raise NotApplicable(f"no call of {' or '.join(functions) or 'a loss function'} stands in a file of the program")
    return found


def loss_at(program: Program, *functions: str) -> LossCall:
    """The call of a loss at the finding's place, else the only one in training.

    Raises:
        NotApplicable: there is none, or there are several.
    """
    found = loss_calls(program, *functions, training=True)
    where = program.finding.where if program.finding is not None else None
    here = [c for c in found if where is not None and c.record.get("site") == where] or found
    if len(here) > 1:
        raise NotApplicable(f"the program has {len(here)} losses, and which is meant is not known")
    return here[0]


def beside(program: Program, call: LossCall) -> list[LossCall]:
    """This call, and those of the same function or module elsewhere, in evaluation."""
    every = [c for c in loss_calls(program, call.function) if c.site.call is not call.site.call]
    same = [c for c in every if not c.trains and (c.made is None or call.made is None or c.made.call is call.made.call)]
    return [call, *same]


def _call(program: Program, one: Record) -> LossCall | None:
    try:
        file, line = program.file(one)
    except NotApplicable:
        return None
    function, made = str(one.get("function")), None
    if one.get("created_file"):
        try:
            made = program.site(one, MODULES.get(function, function), prefix="created_")
        except NotApplicable:
            made = None
    found = pick(file, line, function, made)
    return None if found is None else LossCall(Site(file, found, one), made, function)


def pick(file: SourceFile, line: int, function: str, made: Site | None) -> cst.Call | None:
    """Which of the calls on a line is that of the loss."""
    calls = file.calls(line)
    plain = [c for c in calls if _is(file, c, function)]
    if plain and made is None:
        return plain[0]
    name = _kept_as(made) if made is not None else ""
    given = [c for c in calls if len(c.args) >= 2 and _dotted(c.func) and not is_module(c.func)]
    at_once = [c for c in calls if isinstance(c.func, cst.Call) and called(c.func) == MODULES.get(function)]
    named = [c for c in given if last_name(c.func) == name]
    alike = [c for c in given if any(n in last_name(c.func).lower() for n in _NAMED)]
    for chosen in (at_once, named, alike, given):
        if len(chosen) == 1:
            return chosen[0]
    return named[0] if named else None


def _kept_as(made: Site) -> str:
    """`criterion` of `self.criterion = nn.MSELoss()`."""
    above = made.file.parent(made.call)
    return last_name(above.targets[0].target) if isinstance(above, cst.Assign) else ""


def _is(file: SourceFile, call: cst.Call, function: str) -> bool:
    """The function itself is called, by its name or by another that it was imported as."""
    return called(call) == function or f"import {function} as {called(call)}\n" in file.text


def _dotted(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) or (isinstance(node, cst.Attribute) and _dotted(node.value))


def change_loss(editor: Editor, calls: list[LossCall], function: str) -> None:
    """Put another loss in the place of these: in the modules that were made, else in the calls.

    Raises:
        NotApplicable: one of them is neither.
    """
    changed: list[cst.Call] = []
    for one in calls:
        if one.made is not None and not any(c is one.made.call for c in changed):
            changed.append(one.made.call)
            rename(editor, one.made, MODULES[function], "torch.nn")
        elif one.made is None and one.plain:
            rename(editor, one.site, function, "torch.nn.functional")
        elif one.made is None:
            raise NotApplicable(f"where {one.site.code(one.site.call.func)} was made is not known")


def holders(calls: list[LossCall]) -> Iterator[Site]:
    """Where options of the losses are given, each once: their modules as they are made, else the calls."""
    seen: list[cst.Call] = []
    for one in calls:
        site = one.made if one.made is not None else one.site if one.plain else None
        if site is None:
            raise NotApplicable(f"where {one.site.code(one.site.call.func)} was made is not known")
        if not any(c is site.call for c in seen):
            seen.append(site.call)
            yield site
