"""A program as a run has seen it: what it makes and calls, and where in its files that stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import libcst as cst

from netvet.capture.frameworks import Framework
from netvet.core import Finding
from netvet.fixes.source import Editor, NotApplicable, Place, SourceFile, Sources, called, inside, root_name

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Site:
    """A call in a file of the program. `record`: what the run says of it."""

    file: SourceFile
    call: cst.Call
    record: Record

    def code(self, node: cst.CSTNode) -> str:
        """As it is written."""
        return self.file.code(node)


class Entrusted(NotApplicable):
    """A library makes what is meant, of settings that the program hands to it (see `trainers`)."""


# Libraries that make optimizers themselves.
_MAKERS = ("transformers", "skorch", "fastai")


class Program:
    """What a fix is given.

    Args:
        sources: its files, as they are to be changed.
        facts: gives the records of a run by name of the fact.
        finding: which the fix is tried for; None where it was asked for by name.
        framework: what it trains with.
    """

    def __init__(
        self,
        sources: Sources,
        facts: Callable[[str], Sequence[Record] | None],
        finding: Finding | None = None,
        framework: Framework = "torch",
    ) -> None:
        self.sources = sources
        self._facts = facts
        self.finding = finding
        self.framework = framework

    def facts(self, name: str) -> list[Record]:
        """Records of the run; none where there are none."""
        return list(self._facts(name) or ())

    def about(self, finding: Finding | None) -> Program:
        """The same, for another finding."""
        return Program(self.sources, self._facts, finding, self.framework)

    def editor(self, what: str) -> Editor:
        """For one variant of a fix. `what`: is changed, in a few words."""
        return Editor(self.sources, what)

    @property
    def place(self) -> Place:
        """Where the finding points to.

        Raises:
            NotApplicable: there is none, or it points nowhere.
        """
        found = self.finding.location if self.finding is not None else None
        if found is None:
            raise NotApplicable("the line that is to be changed is not known")
        return Place(found.file, found.line)

    def file(self, place: Place | Record, prefix: str = "") -> tuple[SourceFile, int]:
        """The file and line of a record.

        Raises:
            NotApplicable: it names none.
        """
        if isinstance(place, Place):
            return self.sources.file(place.file), place.line
        name, line = place.get(f"{prefix}file"), place.get(f"{prefix}line")
        if not name or not line:
            raise NotApplicable("the line that is to be changed is not known")
        return self.sources.file(str(name)), int(line)

    def site(self, record: Place | Record, *names: str, prefix: str = "") -> Site:
        """The call at a place: the innermost with one of these names, else the outermost.

        Raises:
            NotApplicable: no such call stands there.
        """
        file, line = self.file(record, prefix)
        found = file.calls(line, *names)
        if not found:
            wanted = f"{' or '.join(names)} is not called" if names else "nothing is called"
            raise NotApplicable(f"{wanted} at {Place(file.path, line)}")
        starting = [c for c in found if file.line(c) == line] or found
        return Site(file, starting[0] if names else starting[-1], record if isinstance(record, Mapping) else {})

    @cached_property
    def optimizers(self) -> list[Site]:
        """Where the optimizers of the program are made.

        Raises:
            Entrusted: a library makes one.
            NotApplicable: none is made in a file of the program.
        """
        found: list[Site] = []
        for one in self.facts("optimizers"):
            file, line = self.file(one)
            calls = file.calls(line)
            named = [c for c in calls if called(c) == one.get("cls")]
            if not named and calls and (maker := _maker(file, calls[-1])):
                raise Entrusted(f"{maker} makes the optimizer itself, in {file.code(calls[-1].func)}(...)")
            chosen = named or [c for c in calls if argument(c, "lr") is not None] or calls[-1:]
            if chosen and not any(s.call is chosen[0] for s in found):
                found.append(Site(file, chosen[0], one))
        if not found:
            raise NotApplicable("no optimizer is made in a file of the program")
        return found

    @property
    def optimizer(self) -> Site:
        """The only one.

        Raises:
            NotApplicable: there are several.
        """
        if len(self.optimizers) > 1:
            raise NotApplicable(f"the program has {len(self.optimizers)} optimizers, and which is meant is not known")
        return self.optimizers[0]

    @cached_property
    def steps(self) -> list[Site]:
        """The calls of `optimizer.step()`, or of `scaler.step(optimizer)`.

        Raises:
            NotApplicable: none stands in a file of the program.
        """
        found: list[Site] = []
        for one in self.facts("optimizers"):
            if one.get("step_file"):
                site = self.site(one, "step", prefix="step_")
                if not any(s.call is site.call for s in found):
                    found.append(site)
        if not found:
            raise NotApplicable("no step of an optimizer stands in a file of the program")
        return found

    def stepped(self, step: Site) -> str:
        """The optimizer that a call of `step` steps, as it is written there."""
        assert isinstance(step.call.func, cst.Attribute)
        given = (
            step.call.args[0].value if step.call.args and not isinstance(step.call.args[0].value, cst.Lambda) else None
        )
        scaled = given is not None and not root_name(given).startswith("closure")
        return step.code(given if scaled and given is not None else step.call.func.value)

    @cached_property
    def backwards(self) -> list[Site]:
        """The calls of `loss.backward()`.

        Raises:
            NotApplicable: none stands in a file of the program.
        """
        found = [self.site(one, "backward") for one in self.facts("backwards")]
        if not found:
            raise NotApplicable("no backward stands in a file of the program")
        return found

    @cached_property
    def losses(self) -> list[Site]:
        """The calls of loss functions in training.

        Raises:
            NotApplicable: none stands in a file of the program.
        """
        training = [r for r in self.facts("losses") if r.get("phase") == "train" and r.get("feeds_backward", True)]
        found = [self.site(one) for one in training]
        if not found:
            raise NotApplicable("no call of a loss function stands in a file of the program")
        return found

    @cached_property
    def training_loaders(self) -> list[Site]:
        """Where the loaders of training samples are made.

        Raises:
            NotApplicable: none is made in a file of the program.
        """
        made = [one for one in self.facts("loaders") if one.get("phase") != "eval" and one.get("created_file")]
        found = [self.loader(one) for one in made]
        if not found:
            raise NotApplicable("no DataLoader is made in a file of the program")
        return found

    def loader(self, record: Record) -> Site:
        """Where the loader of a record is made; of several on one line, the one that is made as it was seen.

        Raises:
            NotApplicable: none is made there, or which of several is meant is not known.
        """
        file, line = self.file(record, "created_")
        calls = file.calls(line, "DataLoader")
        if not calls and "accelerate" in packages(file):  # which makes them anew where it prepares them
            calls = [c for c in file.nodes(cst.Call) if called(c) == "DataLoader"]
        fitting = [c for c in calls if _made_so(file, c, record)] if len(calls) > 1 else calls
        if not calls:
            raise NotApplicable(f"DataLoader is not called at {Place(file.path, line)}")
        if len(fitting) != 1:
            raise NotApplicable(f"which of the loaders at {Place(file.path, line)} is meant is not known")
        return Site(file, fitting[0], record)

    @cached_property
    def models(self) -> list[tuple[str, Site]]:
        """Each model as it is written where its optimizer is made, and that place: there it is whole.

        Raises:
            NotApplicable: it has no name there.
        """
        found: list[tuple[str, Site]] = []
        for site in self.optimizers:
            for call in inside(site.call, cst.Call):
                if called(call) in ("parameters", "named_parameters") and isinstance(call.func, cst.Attribute):
                    code = site.code(call.func.value)
                    if all(code != name for name, _ in found):
                        found.append((code, site))
        if not found:
            raise NotApplicable("the model has no name where its optimizer is made")
        return found

    def training_loop(self) -> tuple[SourceFile, cst.For | cst.While]:
        """The outermost loop around the training steps.

        Raises:
            NotApplicable: it is not in the file.
        """
        for one in self.facts("backwards"):
            if one.get("loop_file"):
                file, line = self.file(one, "loop_")
                loops: list[cst.For | cst.While] = [*file.at(line, cst.For), *file.at(line, cst.While)]
                loops = [loop for loop in loops if file.line(loop) == line]
                if loops:
                    return file, loops[0]
        raise NotApplicable("the loop around the training steps is not known")


def _made_so(file: SourceFile, call: cst.Call, record: Record) -> bool:
    """What is written in the call of a loader is what was seen of it, as far as it can be read."""
    size, shuffled = argument(call, "batch_size", 1), argument(call, "shuffle", 2)
    code = file.code(size.value) if size is not None else "1"
    if code.isdigit() and record.get("batch_size") is not None and int(code) != record.get("batch_size"):
        return False
    if argument(call, "sampler", 3) is not None or record.get("shuffled") is None:
        return True
    drawn = file.code(shuffled.value) if shuffled is not None else "False"
    return drawn not in ("True", "False") or (drawn == "True") == record.get("shuffled")


def packages(file: SourceFile) -> set[str]:
    """The packages that a file imports from; `pytorch_lightning` counts as `lightning`."""
    every = [file.code(one).split()[1] for one in (*file.nodes(cst.Import), *file.nodes(cst.ImportFrom))]
    return {name.split(".")[0].strip(",").removeprefix("pytorch_") for name in every}


def _maker(file: SourceFile, call: cst.Call) -> str:
    """The library that makes an optimizer in a call, which is given no parameters; empty for a function of the user."""
    if "param" in file.code(call):
        return ""
    return next((name for name in _MAKERS if name in packages(file)), "")


def argument(call: cst.Call, name: str, position: int | None = None) -> cst.Arg | None:
    """Of a call, by name or position; None where it is not given."""
    for one in call.args:
        if one.keyword is not None and one.keyword.value == name:
            return one
    plain = [a for a in call.args if a.keyword is None]
    if position is None or position >= len(plain) or any(a.star for a in plain[: position + 1]):
        return None
    return plain[position]
