"""A run that a notebook or a loop of the user's own has opened: what exists already is adopted, all is undone after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from netvet.capture.attended import LateRecorder
from netvet.capture.live import Ending, Live, LiveOptions, Source, guarded
from netvet.capture.torch_adopt import Rebinding, adopt
from netvet.capture.torch_own_steps import OwnStep, OwnSteps, rate_of, stand_in, steps_itself
from netvet.capture.torch_patch import Patches
from netvet.capture.torch_session import watch_of
from netvet.core import NetvetError


@dataclass(frozen=True, slots=True)
class Watched:
    """What the user has named.

    Args:
        models: by name; names that are numbers are none of the user's.
        optimizers: those that count, of any class; none for all of PyTorch's.
        trained: the weights were trained or loaded before; None: to be judged.
    """

    models: Mapping[str, nn.Module]
    optimizers: Sequence[Any]
    trained: bool | None


class Watching:
    """From its beginning to its end.

    Raises:
        NetvetError: the store cannot be written.
    """

    def __init__(self, source: Source, options: LiveOptions) -> None:
        self.live = Live(source, options, LateRecorder)
        self._patches = Patches()
        self._rebinding: Rebinding | None = None
        self._own: OwnSteps | None = None
        self._parameters: list[torch.Tensor] = []

    def begin(self, watched: Watched, caller: dict[str, Any]) -> None:
        """Put the taps in, and take in what exists.

        Args:
            watched: what the user named.
            caller: global names of the user's code, of which some may be functions of PyTorch.
        """
        guard = self.live.recorder.guard
        try:
            self.live.begin()
            guard("what was there before the watch", self._adopt)(watched)
            self._rebinding = guard("imported names", Rebinding)(caller)
        except BaseException:
            self._remove()
            self.live.abandon()
            raise

    def _adopt(self, watched: Watched) -> None:
        watch = watch_of(self.live)
        self._parameters = list({id(p): p for model in watched.models.values() for p in model.parameters()}.values())
        known = [inner for one in watched.optimizers for inner in _torch_optimizers(one)]
        if watched.optimizers:
            watch.optimizers.only = {id(one) for one in known}  # the user holds them, so that the ids stay theirs
        adopt(watch, watched.models, known, watched.trained)
        for one in watched.optimizers:
            if steps_itself(one) and not _torch_optimizers(one) and not self._is_heard(one):
                own = self._steps(type(one).__name__, one)
                own.watch(one, self._patches)

    def _is_heard(self, optimizer: Any) -> bool:
        """The taps know this kind of optimizer."""
        watch = watch_of(self.live)
        known = watch.fastai.knows(optimizer)
        if known is not None and watch.optimizers.only is not None:
            watch.optimizers.only.add(id(known.optimizer))
        return known is not None

    def _steps(self, name: str, optimizer: Any = None) -> OwnSteps:
        stop, watch = self.live.stop, watch_of(self.live)
        tell = stop.step_taken if stop is not None else lambda: None
        parameters = self._parameters

        def groups() -> list[dict[str, Any]]:
            return [{"params": parameters, "lr": rate_of(optimizer)}]

        own = OwnSteps(watch.optimizers, self.live.recorder, stand_in(name, groups()), groups, tell)
        if watch.optimizers.only is not None:
            watch.optimizers.only.add(id(own.optimizer))
        watch.session.add(own)
        return own

    def step(self) -> OwnStep:
        """A step of the user's own begins; see `OwnStep`."""
        if self._own is None:
            self._own = self.live.recorder.guard("steps of the user's own", self._steps)("OwnUpdate")
        return OwnStep(self._own)

    def end(self, error: BaseException | None) -> tuple[str, ...]:
        """Look at the run as a whole, and take everything out; one line for each thing that failed."""
        live, ending = self.live, Ending.of(error)
        if not live.here:  # a forked child leaves the block too
            return ()
        try:
            if self._own is not None:
                self._own.end()
            failed = [guarded(lambda: live.finish(ending)), guarded(lambda: live.close(ending))]
        finally:
            self._remove()
        self._parameters = []
        return (*live.problems(), *(line for line in failed if line))

    def _remove(self) -> None:
        self._patches.undo()
        if self._rebinding is not None:
            self._rebinding.undo()


def models_of(given: Any) -> dict[str, nn.Module]:
    """The models that the user named: one, several, or several by name.

    Raises:
        NetvetError: it is something else.
    """
    several = given if isinstance(given, Mapping) else None
    if several is None:
        one_by_one = list(given) if isinstance(given, (list, tuple)) else [given]
        several = {str(number): one for number, one in enumerate(one_by_one)}
    wrong = next((one for one in several.values() if not isinstance(one, nn.Module)), None)
    if wrong is not None or not several:
        got = "none" if not several else f"a {type(wrong).__name__}"
        raise NetvetError(f"watch(model): expected an nn.Module, or a list or dict of them, got {got}")
    return {str(name): one for name, one in several.items()}


def optimizers_of(given: Any) -> list[Any]:
    """The optimizers that the user named: anything with a `step`.

    Raises:
        NetvetError: it is something else.
    """
    several = [] if given is None else list(given) if isinstance(given, (list, tuple)) else [given]
    for one in several:
        if isinstance(one, type) or not callable(getattr(one, "step", None)):
            raise NetvetError(
                f"watch(optimizer): expected an optimizer, or a list of them, got {_shown(one)}, which has no step()"
            )
    return several


def run_name(models: Iterable[nn.Module]) -> str:
    """What a run is called: the class of its first model."""
    return next(type(model).__name__ for model in models)


def _shown(one: Any) -> str:
    return f"the class {one.__name__}" if isinstance(one, type) else f"a {type(one).__name__}"


def _torch_optimizers(one: Any) -> list[Optimizer]:
    """The optimizer itself, and those of PyTorch's that it wraps."""
    inner = [value for value in getattr(one, "__dict__", {}).values() if isinstance(value, Optimizer)]
    return [one, *inner] if isinstance(one, Optimizer) else inner
