"""What the callbacks of frameworks that sit on PyTorch share: one run of `netvet.watch`, from begin to end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from netvet.core import NetvetError, require_torch
from netvet.watch import Attention, WatchedRun, attend

if TYPE_CHECKING:
    from netvet.capture.live import LiveOptions
    from netvet.capture.torch_watching import Watching

_OF_ATTENTION = frozenset(Attention.__dataclass_fields__)
_OTHERS = frozenset({"loss", "trained"})


class Opened:
    """The run of the training that a callback is told of.

    Args:
        arguments: those of `netvet.watch`, apart from the model and the optimizer, which the framework knows.

    Attributes:
        run: the run; that of the last training after its end. None before the first.

    Raises:
        NetvetError: there is no such argument.
    """

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        wrong = sorted(set(arguments) - _OF_ATTENTION - _OTHERS)
        if wrong:
            raise NetvetError(
                f"NetvetCallback({wrong[0]}=...): there is no such argument; expected those of netvet.watch: "
                + ", ".join(sorted(_OF_ATTENTION | _OTHERS))
            )
        self._arguments = dict(arguments)
        self.run: WatchedRun | None = None
        self._open = False
        self._told: dict[str, tuple[int, float]] = {}

    def begin(self, model: Any, optimizers: Iterable[Any], *, trained: bool | None = None, first: bool = True) -> None:
        """Watch from here on; under `netvet run`, join its run.

        Args:
            model: the `nn.Module` that is trained.
            optimizers: of PyTorch, or wrappers that hold one as `optimizer`.
            trained: the weights were loaded before.
            first: this is the process that reports.

        Raises:
            NetvetError: as `netvet.watch`.
        """
        require_torch()
        from netvet.capture.live import Source
        from netvet.capture.site import user_frame
        from netvet.capture.torch_watching import Watched, Watching, models_of, optimizers_of, run_name

        self.end()
        arguments = {k: v for k, v in self._arguments.items() if k in _OF_ATTENTION}
        arguments["quiet"] = bool(arguments.get("quiet")) or not first
        loss, given = self._arguments.get("loss"), self._arguments.get("trained")
        name = None if loss is None else str(getattr(loss, "__name__", type(loss).__name__))
        models, held = models_of(model), optimizers_of([unwrapped(one) for one in optimizers])
        watched = Watched(models, held, given if given is not None else trained or None)
        frame = user_frame()
        file, names = (frame.f_code.co_filename, frame.f_globals) if frame is not None else ("?", {})

        def start(options: LiveOptions) -> Watching:
            watching = Watching(Source(file, loss=name), options)
            watching.begin(watched, names)
            return watching

        self.run = attend(run_name(models.values()), (*models.values(), *held), start, Attention(**arguments))
        self.run.__enter__()
        self._open = True
        self._told.clear()

    def log(self, metrics: Mapping[str, Any]) -> None:
        """Record what the framework logs; a number that stands there since the step before is recorded once."""
        if self.run is None or not self._open:
            return
        step, fresh = self.run.steps, {}
        for name, value in metrics.items():
            try:
                number = float(value)
            except (TypeError, ValueError, RuntimeError):  # a table, a text, a tensor of several numbers
                continue
            if self._told.get(name) != (step, number):
                self._told[name], fresh[name] = (step, number), number
        self.run.log(**fresh)

    def end(self, error: BaseException | None = None) -> None:
        """The training is over, or was ended by an error."""
        if self._open and self.run is not None:
            self._open = False
            self.run.__exit__(type(error) if error is not None else None, error, None)

    def __getstate__(self) -> dict[str, Any]:
        """Only what the user asked for is kept by copies and pickles: a run belongs to its process."""
        return {"arguments": self._arguments}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy begins anew."""
        self.__init__(state["arguments"])  # type: ignore[misc]


def unwrapped(optimizer: Any) -> Any:
    """The optimizer within the wrappers of accelerate and Lightning, whose own step is no step of PyTorch's."""
    for _ in range(5):
        inner = getattr(optimizer, "optimizer", None)
        if inner is None or not callable(getattr(inner, "step", None)):
            break
        optimizer = inner
    return optimizer
