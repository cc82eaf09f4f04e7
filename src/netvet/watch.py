"""Watch a training from notebooks and loops of one's own: `with netvet.watch(model, optimizer) as run:`."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from netvet.core import Check, NetvetError, require_torch
from netvet.stopping import require_severity, stopper

if TYPE_CHECKING:
    from netvet.capture.live import Live, LiveOptions
    from netvet.diagnose import Diagnosis, Reported, Settings
    from netvet.export.sending import Target
    from netvet.report.live_figure import LiveFigure
    from netvet.report.notebook import Bundle
    from netvet.report.page_view import PageView
    from netvet.report.view import View


@dataclass(slots=True)
class _Open:
    """The run that `watch` has opened and that is not closed yet."""

    run: WatchedRun | None = None
    at_exit: bool = False


_open = _Open()
_lock = threading.RLock()


def watch(
    model: Any,
    optimizer: Any = None,
    *,
    loss: Callable[..., Any] | None = None,
    overhead: float | str = 0.01,
    every: int | None = None,
    deep: bool = False,
    store: str | Path | None = None,
    probes: bool = True,
    stop_on: str = "never",
    on_stop: Callable[[], object] | None = None,
    trained: bool | None = None,
    quiet: bool = False,
    show: bool | None = None,
    export: str | Sequence[str] = (),
) -> WatchedRun:
    """Watch a training; as a context manager until the end of its block, else until `close()`.

    Only one training can be watched at a time. Watching what is watched already gives the same run; another model
    closes the run before it, unless that is inside its `with`. Under `netvet run` the run is that of the script.

    Args:
        model: an `nn.Module`; several as a list, or as a dict with names.
        optimizer: those that count, one or a list; without it, all that step. One of another class than
            `torch.optim.Optimizer` is watched at its `step` method.
        loss: the loss function, to name it in the record of the run.
        overhead: share of wall time for close looks: 0.01 or "1%".
        every: look closely at every so many steps, instead of by budget.
        deep: measure parameters and layers at every step, whatever it costs.
        store: folder of the runs; that of `[tool.netvet]`, else `.netvet/runs`.
        probes: probe a copy before the first update and at the end.
        stop_on: end the training by `TrainingStopped` when a finding of this severity is certain.
        on_stop: called before that, to save what is wanted; weights and optimizers are kept beside the run anyway.
        trained: the weights were trained or loaded before; None: judged by the state of optimizers and norm layers.
        quiet: print no report at the end.
        show: draw the loss in the cell of a notebook, and the page of the run at the end; None: where there is one.

        export: where the run is sent when it ends, as by `netvet run --export`: "tensorboard", or "csv=DIR".

    Raises:
        NetvetError: an argument cannot be used, another model is watched in a `with` block, or nothing can be stored.
    """
    frame = sys._getframe(1)
    require_torch()
    from netvet.capture.live import Source
    from netvet.capture.torch_watching import Watched, Watching, models_of, optimizers_of, run_name

    models, optimizers, name = models_of(model), optimizers_of(optimizer), _loss_name(loss)

    def begin(options: LiveOptions) -> Watching:
        watching = Watching(Source(frame.f_code.co_filename, loss=name), options)
        watching.begin(Watched(models, optimizers, trained), frame.f_globals)
        return watching

    asked = Attention(overhead, every, deep, store, probes, stop_on, on_stop, quiet, show, export)
    return attend(run_name(models.values()), (*models.values(), *optimizers), begin, asked)


@dataclass(frozen=True, slots=True)
class Attention:
    """How a training is to be watched; the fields are the arguments of `watch`."""

    overhead: float | str = 0.01
    every: int | None = None
    deep: bool = False
    store: str | Path | None = None
    probes: bool = True
    stop_on: str = "never"
    on_stop: Callable[[], object] | None = None
    quiet: bool = False
    show: bool | None = None
    export: str | Sequence[str] = ()


def attend(
    name: str, watched: Sequence[Any], begin: Callable[[LiveOptions], Attending], asked: Attention
) -> WatchedRun:
    """Watch a training of any framework; `watch` and the callbacks come down to this.

    Args:
        name: what the run is called.
        watched: the objects of the user's by which the same training is known again.
        begin: puts the taps in, as the options say.

    Raises:
        NetvetError: as `watch`.
    """
    from netvet.capture.live import LiveOptions, active
    from netvet.export.sending import targets
    from netvet.report.notebook import asked_publisher

    share, interval = _share(asked.overhead), _interval(asked.every)
    severity, publish = require_severity(asked.stop_on, "watch(stop_on=...)"), asked_publisher(asked.show)
    exports = targets(asked.export, "watch(export=...)")
    with _lock:
        if _open.run is not None:
            if _open.run._watches(watched):
                return _open.run
            _make_room(_open.run)
        checks, folder = _configuration(asked.store)
        if (running := active()) is not None:
            return _joined(running, checks, asked.on_stop)
        stop = stopper(*checks, severity, asked.on_stop)
        attending = begin(LiveOptions(folder, name, share, interval, asked.deep, asked.probes, stop))
        run = WatchedRun(attending.live, attending, map(_weakly, watched), checks, quiet=asked.quiet)
        run._exports = exports
        return _remember(run, publish)


class Attending(Protocol):
    """A run that was opened in this process: taps in, what existed already adopted."""

    @property
    def live(self) -> Live:
        """The run."""

    def step(self) -> AbstractContextManager[Any]:
        """A step of the user's own begins, which no tap would see."""

    def end(self, error: BaseException | None) -> tuple[str, ...]:
        """Look at the run as a whole, and take everything out; one line for each thing that failed."""


class WatchedRun:
    """A run that `netvet.watch` has opened; made by it alone.

    Attributes:
        path: the folder of the run; `netvet diagnose PATH` asks it again.
    """

    def __init__(
        self,
        live: Live,
        watching: Attending | None,
        keys: Iterable[Callable[[], Any]],
        asked: tuple[tuple[Check, ...], Settings],
        *,
        quiet: bool,
    ) -> None:
        self._live: Live | None = live
        self._watching = watching
        self._keys = tuple(keys)
        self._asked = asked
        self._quiet = quiet
        self._exports: tuple[Target, ...] = ()
        self._depth = 0
        self._steps = 0
        self._problems: tuple[str, ...] = ()
        self._diagnosis: Diagnosis | None = None
        self._figure: LiveFigure | None = None
        self.path = live.path

    @property
    def closed(self) -> bool:
        """The run has come to its end."""
        return self._live is None

    @property
    def steps(self) -> int:
        """Completed optimizer steps."""
        return self._steps if self._live is None else self._live.step

    @property
    def findings(self) -> tuple[Reported, ...]:
        """What was found, the gravest first; while the run goes on, in what is stored so far."""
        return self.diagnosis.findings

    @property
    def diagnosis(self) -> Diagnosis:
        """The diagnosis of the run; while it goes on, of what is stored so far."""
        from netvet.diagnose import diagnose
        from netvet.store import Run

        if self._diagnosis is not None:
            return self._diagnosis
        if self._live is not None:
            self._live.writer.flush()
        found = diagnose(Run.open(self.path), *self._asked)
        if self._live is None:
            self._diagnosis = found
        return found

    def log(self, **metrics: Any) -> None:
        """Record numbers of your own at the present step, by name (signal `metric`).

        Never raises: what is no single number is left out, and the report says so. After the end it does nothing.
        """
        if self._live is not None:
            self._live.log(metrics)

    def step(self) -> AbstractContextManager[None]:
        """Tell of an update that no optimizer makes: `with run.step():` around it, or a call right before it."""
        if self._live is None or self._watching is None:
            return nullcontext()
        return self._watching.step()

    def close(self) -> None:
        """End the run and print its report; closing twice does nothing, nor does closing the run of `netvet run`."""
        self._close(None)

    def report(self, *, verbose: bool = False) -> None:
        """Print the report to the standard output; while the run goes on, of what is stored so far."""
        from netvet.report.text import show

        show(self._view(), sys.stdout, verbose=verbose)

    def __enter__(self) -> WatchedRun:
        self._depth += 1
        return self

    def __exit__(self, _kind: type | None, error: BaseException | None, _frames: TracebackType | None) -> None:
        self._depth -= 1
        if self._depth <= 0:
            self._close(error)

    def __repr__(self) -> str:
        return f"<netvet run {self.path.name}: {'closed' if self.closed else 'open'}, {self.steps:,} steps>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Bundle:
        """What a notebook shows of it: the page."""
        from netvet.report.notebook import bundle
        from netvet.report.text import plain_text

        view = self._view()
        return bundle(lambda: self._page(view), plain_text(view))

    def _page(self, view: View) -> PageView:
        from netvet.reporter import Reporter
        from netvet.store import Run

        return Reporter(*self._asked).page(Run.open(self.path), view)

    def _show(self, publish: Callable[[Mapping[str, str]], None] | None) -> None:
        """Draw in the cell of a notebook from now on."""
        if publish is not None and self._live is not None:
            from netvet.report.live_figure import LiveFigure

            self._figure = LiveFigure(self._live, publish)
            self._figure.start()

    def _close(self, error: BaseException | None) -> None:
        with _lock:
            watching, live = self._watching, self._live
            if watching is None or live is None:
                return
            if _open.run is self:
                _open.run = None
            # Nothing of the training may stay alive with the run that a notebook keeps in a variable.
            self._watching, self._live, self._keys, self._steps = None, None, (), live.step
            self._problems = watching.end(error)
            self._steps = live.step
        # Of several processes the first one reports.
        silent = self._quiet or isinstance(error, GeneratorExit) or os.environ.get("RANK", "0") != "0"
        if live.here:
            self._tell(silent=silent)
            self._send(silent=silent)

    def _tell(self, *, silent: bool) -> None:
        """Print or show the report; nothing that goes wrong with it may stand in for what the training raised."""
        try:
            figure, self._figure = self._figure, None
            if figure is not None:
                figure.end(None if silent else self._repr_mimebundle_)
            elif not silent:
                self.report()
        except Exception as error:
            sys.stderr.write(f"netvet: error: no report: {type(error).__name__}: {error}\n")

    def _send(self, *, silent: bool) -> None:
        if self._exports and os.environ.get("RANK", "0") == "0":
            from netvet.export.sending import send_all
            from netvet.report.html import document
            from netvet.store import Run

            run, view = Run.open(self.path), self._view()
            send_all(run, view, lambda: document(self._page(view)), self._exports, sys.stdout, quiet=silent)

    def _watches(self, wanted: Sequence[Any]) -> bool:
        return len(wanted) == len(self._keys) and all(k() is one for k, one in zip(self._keys, wanted, strict=True))

    def _view(self) -> View:
        from netvet.reporter import Reporter
        from netvet.store import Run

        problems = self._problems if self._live is None else self._live.problems()
        return Reporter(*self._asked, Path.cwd()).view(Run.open(self.path), problems)


def _joined(live: Live, asked: tuple[tuple[Check, ...], Settings], on_stop: Callable[[], object] | None) -> WatchedRun:
    """A handle for the run of `netvet run`, whose options are those of the command line."""
    if live.stop is not None and on_stop is not None:
        live.stop.on_stop = on_stop
    return WatchedRun(live, None, (), asked, quiet=True)


def _remember(run: WatchedRun, publish: Callable[[Mapping[str, str]], None] | None) -> WatchedRun:
    _open.run = run
    run._show(publish)
    if not _open.at_exit:
        _open.at_exit = True
        atexit.register(close_open)
    return run


def _make_room(other: WatchedRun) -> None:
    if other._depth > 0:
        raise NetvetError(
            f"watch: {other!r} is inside its `with` block, and only one training can be watched at a time; "
            "give all models to one watch, watch([a, b]), or leave that block first"
        )
    other.close()


def close_open() -> None:
    """Close the run that is open, if there is one; at the end of the process at the latest."""
    if _open.run is not None:
        _open.run.close()


def _share(overhead: object) -> float:
    text = str(overhead).strip()
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if isinstance(overhead, bool) or not 0 <= share <= 1:
        raise NetvetError(f'watch(overhead={overhead!r}): expected a share of the time such as 0.01 or "1%"')
    return share


def _loss_name(loss: object) -> str | None:
    if loss is not None and not callable(loss):
        raise NetvetError(f"watch(loss=...): expected a function or module, got a {type(loss).__name__}")
    return None if loss is None else str(getattr(loss, "__name__", type(loss).__name__))


def _interval(every: object) -> int | None:
    if every is not None and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
        raise NetvetError(f"watch(every={every!r}): expected a whole number of steps from 1 on")
    return every


def _configuration(store: str | Path | None) -> tuple[tuple[tuple[Check, ...], Settings], Path]:
    from netvet import checks, config

    known = checks.all_checks()
    found = config.load(Path.cwd(), known)
    return (known, found.settings), Path(store or found.store or config.STORE).absolute()


def _weakly(one: Any) -> Callable[[], Any]:
    try:
        return weakref.ref(one)
    except TypeError:  # an optimizer with slots
        return lambda: one
