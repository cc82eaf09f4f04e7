"""Hold a training program to what is expected of it: run it or call it under watch, and judge what was seen.

What tests need: nothing is left in the process afterwards, and what is wrong is one text.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from netvet.core import NetvetError, require_torch

if TYPE_CHECKING:
    from netvet.capture.frameworks import Framework
    from netvet.capture.live import Live, LiveOptions
    from netvet.report.view import FindingView, View
    from netvet.reporter import Reporter
    from netvet.watch import Attending

# Steps of a setup, where nothing else is said: as many as the slowest signs of a skeleton that is wrong take.
SETUP_STEPS = 200
# Of what a program that failed has written, so many characters are shown.
SHOWN = 4000


class Enough(SystemExit):
    """The training has made as many steps as were asked for."""


@dataclass(frozen=True)
class Demand:
    """What is asked of a training.

    Args:
        fail_on: `error`, `warning`, `note` or `never`: findings from here on are too much; that of `[tool.netvet]`,
            else `error`, without it.
        allow: findings that are right as they are: `check=reason` or `check:where=reason` each, or a table of them.
        only: names of the checks that are asked; `skip`: of those that are not.
        limits: `check.setting=value` each.
        probes: probe a copy before the first update and at the end.
        store: folder of the runs, where `[tool.netvet]` names none.
    """

    fail_on: str | None = None
    allow: Sequence[str] | Mapping[str, str] = ()
    only: Sequence[str] = ()
    skip: Sequence[str] = ()
    limits: Sequence[str] = ()
    probes: bool = True
    store: Path | None = None

    def resolve(self) -> Resolved:
        """The demand above `[tool.netvet]` of the working directory.

        Raises:
            NetvetError: something in it cannot be used.
        """
        from netvet import checks, config
        from netvet.reporter import Reporter

        known = checks.all_checks()
        found = config.load(Path.cwd(), known)
        fail_on = self.fail_on or found.fail_on or "error"
        if fail_on not in config.FAIL_ON:
            raise NetvetError(f"fail_on: expected one of {', '.join(config.FAIL_ON)}, got {fail_on!r}")
        settings = config.merged(
            found.settings,
            known,
            only=_texts(self.only, "only"),
            skip=_texts(self.skip, "skip"),
            allow=self.allowances,
            limits=_texts(self.limits, "limits"),
        )
        graves = () if fail_on == "never" else config.FAIL_ON[: config.FAIL_ON.index(fail_on) + 1]
        folder = Path(found.store or self.store or config.STORE).absolute()
        return Resolved(Reporter(known, settings, Path.cwd()), graves, folder)

    @property
    def allowances(self) -> list[str]:
        """`check=reason` each."""
        if isinstance(self.allow, Mapping):
            return [f"{check}={reason}" for check, reason in self.allow.items()]
        return _texts(self.allow, "allow")


@dataclass(frozen=True)
class Resolved:
    """A demand that can be used: what makes the report, the severities that are too much, the folder of the runs."""

    reporter: Reporter
    graves: tuple[str, ...]
    store: Path

    def judge(self, view: View) -> Verdict:
        """Hold a report against the demand."""
        grave = [f for f in view["findings"] if f["allowed"] is None and f["severity"] in self.graves]
        return Verdict(view, tuple(grave))


@dataclass(frozen=True)
class Verdict:
    """The report of a training, and the findings that are too much.

    Args:
        trouble: why the program failed by itself; with the end of what it wrote.
    """

    view: View
    grave: tuple[FindingView, ...]
    trouble: str | None = None

    @property
    def failure(self) -> str | None:
        """What is wrong, with cause, proof and place; None where nothing is."""
        from netvet.report.text import plain_text

        if not self.grave and self.trouble is None:
            return None
        names = ", ".join(dict.fromkeys(f["check"] for f in self.grave)) or "the program failed"
        parts = [f"netvet: {names}", plain_text(self.view).rstrip(), self.trouble or ""]
        return "\n\n".join(part for part in parts if part)

    @property
    def report(self) -> dict[str, Any]:
        """As `netvet run --json` writes it: `netvet.report/1`."""
        from netvet.report.as_json import as_json

        found: dict[str, Any] = json.loads(as_json(self.view))
        return found


@dataclass
class Vetted:
    """A training in this process that is under watch inside its `with`.

    Args:
        name: what the run is called.
        demand: what is asked of it.
        names: global names of the user's code, of which some may be functions of the framework.
        framework: what it trains with.
    """

    name: str
    demand: Resolved
    probes: bool = True
    names: dict[str, Any] = field(default_factory=dict)
    framework: Framework = "torch"
    _watching: Attending | None = None
    _problems: tuple[str, ...] = ()
    _path: Path = Path()

    def __enter__(self) -> Vetted:
        from netvet.capture.live import LiveOptions, active
        from netvet.watch import close_open

        close_open()
        if active() is not None:
            raise NetvetError("a training is being watched in this process already, and only one can be at a time")
        options = LiveOptions(
            self.demand.store, re.sub(r"[^\w.-]+", "-", self.name), probes=self.probes, framework=self.framework
        )
        self._watching = _begin(options, self.name, self.names)
        self._path = self._watching.live.path
        return self

    def __exit__(self, _kind: type | None, error: BaseException | None, _frames: TracebackType | None) -> None:
        watching, self._watching = self._watching, None
        if watching is not None:
            self._problems = watching.end(error)

    @property
    def verdict(self) -> Verdict:
        """What is thought of it; after its end."""
        from netvet.store import Run

        return self.demand.judge(self.demand.reporter.view(Run.open(self._path), self._problems))


class _Heard:
    """A run of a framework whose capture adopts nothing."""

    def __init__(self, live: Live) -> None:
        self.live = live
        live.begin()

    def step(self) -> Any:
        """No steps of one's own are told of here."""
        raise NetvetError("steps of one's own are told of by the run of netvet.watch")

    def end(self, error: BaseException | None) -> tuple[str, ...]:
        """Take the taps out."""
        from netvet.capture.live import Ending, guarded

        ending = Ending.of(error)
        failed = [guarded(lambda: self.live.finish(ending)), guarded(lambda: self.live.close(ending))]
        return (*self.live.problems(), *(line for line in failed if line))


def _begin(options: LiveOptions, name: str, names: dict[str, Any]) -> Attending:
    from netvet.capture.live import Live, Source

    source = Source(f"<{name}>")  # as a cell of a notebook: no command can run it again
    if options.framework != "torch":
        return _Heard(Live(source, options))
    require_torch()
    from netvet.capture.torch_watching import Watched, Watching

    watching = Watching(source, options)
    watching.begin(Watched({}, (), trained=False), names)
    return watching


def vet_call(function: Callable[[], object], vetted: Vetted, steps: int | None = None) -> Verdict:
    """Call a training under watch, to its end or for so many steps of optimizers; what it raises is raised."""
    # Before the taps, so that the last step is no step at all for them.
    handle = end_after(steps) if steps is not None else None
    try:
        with vetted, suppress(Enough):
            function()
    finally:
        if handle is not None:
            handle.remove()
    return vetted.verdict


def vet_script(script: Path, arguments: Sequence[str], demand: Demand, steps: int | None = None) -> Verdict:
    """Run a training program in a process of its own, to its end or for so many steps of optimizers.

    Raises:
        NetvetError: there is no such program, or netvet gave no report of it.
    """
    if not script.is_file():
        raise NetvetError(f"no such script: {str(script)!r}; expected the path of a Python file")
    resolved = demand.resolve()
    with tempfile.TemporaryDirectory(prefix="netvet-") as folder:
        file = Path(folder) / "report.json"
        given = [f"--{name}={text}" for name, texts in _lists(demand).items() for text in texts]
        command = ["run", "--quiet", "--fail-on", "never", "--json", str(file), "--store", str(resolved.store), *given]
        command += [] if demand.probes else ["--no-probes"]
        start = ["netvet"] if steps is None else ["netvet.vetting", str(steps)]
        line = [sys.executable, "-m", *start, *command, str(script), *map(str, arguments)]
        done = subprocess.run(line, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False)
        if not file.is_file():
            raise NetvetError(f"netvet gave no report of {script}:\n{done.stderr[-SHOWN:]}")
        view: View = json.loads(file.read_text(encoding="utf-8"))
    judged = resolved.judge(view)
    said = f"{script} failed with exit code {done.returncode}:\n{done.stderr[-SHOWN:].strip()}"
    return Verdict(judged.view, judged.grave, said if done.returncode else None)


def vet_setup(setup: Any, vetted: Vetted, steps: int | None = None) -> Verdict:
    """Train a `netvet.Setup` on its own data with its own optimizer."""
    from netvet.experiments.setup import problem_of

    problem = problem_of(setup)

    def train() -> None:
        learner, batches = problem.learner(0), problem.train.stream(0)
        optimizer = problem.optimizer(learner.model)
        for _ in range(steps or SETUP_STEPS):
            optimizer.zero_grad()
            loss, _ = learner.step(next(batches))
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return vet_call(train, vetted)


def end_after(steps: int) -> Any:
    """End the program, as by `sys.exit()`, when an optimizer is about to make one step more; a handle to undo it.

    Raises:
        NetvetError: it is no number of steps.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise NetvetError(f"steps={steps!r}: expected a whole number of steps from 1 on")
    from torch.optim.optimizer import register_optimizer_step_pre_hook

    from netvet.capture.live import active

    def look(*_: Any) -> None:
        live = active()
        if live is not None and live.step >= steps and live.recorder.here:  # probes step copies, and are not counted
            raise Enough

    return register_optimizer_step_pre_hook(look)


def _lists(demand: Demand) -> dict[str, list[str]]:
    return {
        "only": _texts(demand.only, "only"), "skip": _texts(demand.skip, "skip"), "allow": demand.allowances,
        "set": _texts(demand.limits, "limits"),
    }  # fmt: skip


def _texts(given: Sequence[str], origin: str) -> list[str]:
    if isinstance(given, str) or not all(isinstance(text, str) for text in given):
        raise NetvetError(f"{origin}: expected a list of texts, got {given!r}")
    return list(given)


if __name__ == "__main__":  # the first argument is the number of steps, the others are those of netvet
    import runpy

    end_after(int(sys.argv.pop(1)))
    sys.argv[0] = "netvet"
    runpy.run_module("netvet", run_name="__main__", alter_sys=True)
