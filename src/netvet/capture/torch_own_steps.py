"""Steps that no torch.optim.Optimizer takes: optimizers of other classes, and updates written by hand."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from torch.optim import Optimizer

from netvet.capture.recorder import Recorder
from netvet.capture.torch_patch import Patches
from netvet.capture.torch_tap_optimizers import OptimizerTap


class OwnSteps:
    """Tells the collectors of such steps, with an optimizer that stands in for the one that there is none of.

    Args:
        optimizer: what stands in; see `stand_in`.
        groups: gives the present parameter groups, of which the settings count.
        tell: called after each step.
    """

    part = "steps of the user's own"

    def __init__(
        self,
        tap: OptimizerTap,
        recorder: Recorder,
        optimizer: Optimizer,
        groups: Callable[[], list[dict[str, Any]]],
        tell: Callable[[], None],
    ) -> None:
        self._tap = tap
        self._recorder = recorder
        self._groups = groups
        self._tell = tell
        self._pending = False
        self._ending = False
        self.optimizer = optimizer

    def begin(self) -> None:
        """Gradients are ready, weights are still old."""
        self.end()
        if self._recorder.here:
            self._refresh()
            self._pending = True
            self._tap.before(self.optimizer)

    def _refresh(self) -> None:
        held, found = self.optimizer.param_groups, self._groups()
        if len(held) != len(found):
            held[:] = found
        for group, now in zip(held, found, strict=True):
            group.update(now)

    def end(self) -> None:
        """Weights are new; does nothing where no step has begun."""
        if self._pending and self._recorder.here and not self._ending:
            self._pending, self._ending = False, True
            try:
                self._tap.behind(self.optimizer)
            finally:
                self._ending = False
            self._tell()

    def on_call_begin(self, _event: Any) -> None:
        """A step that was told without its end has ended when the model is called again."""
        self.end()

    def on_finish(self, _ended: str) -> None:
        self._pending = False

    def watch(self, optimizer: Any, patches: Patches) -> None:
        """Hear of the steps of one optimizer of a class of its own."""

        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def step(one: Any, *args: Any, **kwargs: Any) -> Any:
                if one is not optimizer:
                    return original(one, *args, **kwargs)
                self.begin()
                try:
                    return original(one, *args, **kwargs)
                finally:
                    self.end()

            return step

        patches.wrap(type(optimizer), "step", make)


class OwnStep:
    """`run.step()` before an update, or `with run.step():` around it."""

    def __init__(self, steps: OwnSteps | None) -> None:
        self._steps = steps
        if steps is not None:
            steps.begin()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type | None, _error: BaseException | None, _frames: TracebackType | None) -> None:
        if self._steps is not None and kind is None:
            self._steps.end()


def stand_in(name: str, groups: list[dict[str, Any]], step: Callable[..., Any] | None = None) -> Optimizer:
    """An optimizer of PyTorch's kind for one that is none; the tap at the constructor sees it like any other.

    Args:
        name: class under which the steps are reported.
        groups: parameter groups.
        step: called with the optimizer, makes a step on a copy; none can be made without it.
    """

    def __init__(self: Any, groups: list[dict[str, Any]], **_settings: Any) -> None:  # noqa: N807
        Optimizer.__init__(self, groups, {})

    members: dict[str, Any] = {"__init__": __init__}
    if step is not None:
        members["step"] = lambda self, closure=None: step(self, closure)
    made: Optimizer = type(name, (Optimizer,), members)(groups)
    return made


def rate_of(optimizer: Any) -> float:
    """The learning rate of an optimizer of any class; NaN where it does not tell."""
    try:
        groups = getattr(optimizer, "param_groups", None)
        return float(groups[0]["lr"] if groups else optimizer.lr)
    except Exception:  # whatever a foreign attribute does
        return float("nan")


def steps_itself(optimizer: object) -> bool:
    """It is called like an optimizer, but is none of PyTorch's."""
    return not isinstance(optimizer, Optimizer) and callable(getattr(optimizer, "step", None))
