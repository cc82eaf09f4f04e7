"""fastai's own optimizers and loaders, which are none of PyTorch's: heard at their classes, once these are imported."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import Optimizer
from torch.utils.data import RandomSampler, SequentialSampler

from netvet.capture.imports import ImportListener
from netvet.capture.site import user_site
from netvet.capture.torch_events import Happening
from netvet.capture.torch_models import WeakIdMap
from netvet.capture.torch_origins import origins_of
from netvet.capture.torch_own_steps import OwnSteps, stand_in
from netvet.capture.torch_patch import Patches
from netvet.capture.torch_taps_loop import after, loaded

if TYPE_CHECKING:
    from netvet.capture.torch_session import Watch

# The last callback of a fastai optimizer makes the step: the class of PyTorch that does the same. Names that both
# libraries have for one setting.
_CLASSES = {
    "sgd_step": "SGD", "momentum_step": "SGD", "adam_step": "Adam", "radam_step": "RAdam", "rms_prop_step": "RMSprop",
}  # fmt: skip
_SAME = {"momentum": "mom", "weight_decay": "wd"}


class Fastai:
    """Lets the collectors hear of optimizers and loaders of fastai.

    Args:
        watch: the taps of the run, which count the steps.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch, self._session = watch, watch.session
        self._steps: WeakIdMap[OwnSteps] = WeakIdMap()
        self._views: WeakIdMap[LoaderView] = WeakIdMap()
        self._patched: set[type] = set()
        self._patches = Patches()
        guard = self._session.recorder.guard
        self._listener = ImportListener({
            "fastai.optimizer": guard("optimizers of fastai", self._hear_optimizers),
            "fastai.data.load": guard("loaders of fastai", self._hear_loaders),
        })  # fmt: skip

    def install(self) -> None:
        """Listen for fastai."""
        self._listener.install()

    def remove(self) -> None:
        """Take everything out."""
        self._listener.remove()
        self._patches.undo()

    def knows(self, optimizer: Any) -> OwnSteps | None:
        """What hears the steps of an optimizer, if it is one of fastai's."""
        if not any(cls in self._patched for cls in type(optimizer).__mro__) or not hasattr(optimizer, "hypers"):
            return None
        return self._of(optimizer)

    def _of(self, optimizer: Any) -> OwnSteps | None:
        known = self._steps.get(optimizer)
        if known is None and self._session.recorder.here:
            made = stand_in(_name(optimizer), _groups(optimizer), functools.partial(_step, tuple(optimizer.cbs)))
            known = OwnSteps(
                self._watch.optimizers, self._session.recorder, made, lambda: _groups(optimizer), self._tell
            )
            self._steps.set(optimizer, known)
            self._session.add(known)
        return known

    def _tell(self) -> None:
        stop = self._session.options.get("stop")
        if stop is not None:
            stop.step_taken()

    def _hear_optimizers(self, module: ModuleType) -> None:
        base = module.Optimizer
        prepare = self._session.recorder.guard("optimizers of fastai", self._prepare)

        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def construct(optimizer: Any, *args: Any, **kwargs: Any) -> None:
                original(optimizer, *args, **kwargs)
                prepare(optimizer)

            return construct

        self._hear_steps(base)
        self._patches.wrap(base, "__init__", make)
        after(self._patches, self._session, base, "zero_grad", self._cleared, rests=True)
        after(self._patches, self._session, base, "load_state_dict", self._loaded)

    def _prepare(self, optimizer: Any) -> None:
        for cls in type(optimizer).__mro__:
            if "step" in vars(cls) and hasattr(cls, "all_params"):
                self._hear_steps(cls)
        self._of(optimizer)

    def _hear_steps(self, cls: type) -> None:
        if cls in self._patched:
            return
        self._patched.add(cls)
        find = self._session.recorder.guard("optimizers of fastai", self._of)

        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def step(optimizer: Any, *args: Any, **kwargs: Any) -> Any:
                steps = find(optimizer)
                if steps is None:
                    return original(optimizer, *args, **kwargs)
                steps.begin()
                try:
                    return original(optimizer, *args, **kwargs)
                finally:
                    steps.end()

            return step

        self._patches.wrap(cls, "step", make)

    def _cleared(self, _result: Any, args: tuple[Any, ...], _kwargs: Any) -> tuple[str, Happening] | None:
        steps = self._of(args[0])
        return None if steps is None else ("zero_grad", Happening(steps.optimizer, user_site()))

    def _loaded(self, result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, Happening] | None:
        steps = self._of(args[0])
        return None if steps is None else loaded(result, (steps.optimizer, *args[1:]), kwargs)

    def _hear_loaders(self, module: ModuleType) -> None:
        session, emit = self._session, self._session.emit
        look = session.recorder.guard("loaders of fastai", self._view)

        def note(_result: Any, args: tuple[Any, ...], _kwargs: Any) -> None:
            site = user_site()
            if site is not None:
                origins_of(session).loaders.set(args[0], site)

        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def batches(loader: Any) -> Iterator[Any]:
                view = look(loader) if session.recorder.here else None
                if view is not None:
                    emit("loader_iter", Happening(view, user_site(), {"iterator": None}))
                for index, batch in enumerate(original(loader), 1):
                    if view is not None and not session.asleep and session.recorder.here:
                        emit("loader_batch", Happening(view, None, {"batch": batch, "index": index}))
                    yield batch

            return batches

        self._patches.wrap(module.DataLoader, "__iter__", make)
        after(self._patches, session, module.DataLoader, "__init__", note)

    def _view(self, loader: Any) -> LoaderView:
        known = self._views.get(loader)
        if known is None:
            known = LoaderView(loader)
            self._views.set(loader, known)
            made = origins_of(self._session).loaders.get(loader)
            if made is not None:
                origins_of(self._session).loaders.set(known, made)
        return known


class LoaderView:
    """A loader of fastai under the names that one of PyTorch has."""

    def __init__(self, loader: Any) -> None:
        self.dataset = loader.dataset
        self.batch_size = loader.bs
        self.batch_sampler = None
        self.drop_last = bool(loader.drop_last)
        self.num_workers = int(loader.fake_l.num_workers)
        self.persistent_workers = False
        self.worker_init_fn = None
        self._batches = len(loader) if loader.n is not None else None
        self.sampler = _sampler(loader)

    def __len__(self) -> int:
        if self._batches is None:
            raise TypeError("a loader of unknown length")
        return self._batches


def _sampler(loader: Any) -> Any:
    """A sampler of PyTorch that gives the same order; one that nothing is known of where there is none."""
    own_order = type(loader).get_idxs.__module__.partition(".")[0] != "fastai" or "get_idxs" in vars(loader)
    if loader.n is None or own_order or getattr(loader, "wgts", None) is not None:
        return _Unknown(loader.n)
    return RandomSampler(range(loader.n)) if loader.shuffle and loader.n else SequentialSampler(range(loader.n))


class _Unknown:
    def __init__(self, samples: int | None) -> None:
        self._samples = samples

    def __len__(self) -> int:
        if self._samples is None:
            raise TypeError("a sampler of unknown length")
        return self._samples


def _name(optimizer: Any) -> str:
    """The class of PyTorch that steps likewise; else the name of what makes the step."""
    names = [getattr(getattr(cb, "func", cb), "__name__", "") for cb in optimizer.cbs]
    if type(optimizer).__name__ != "Optimizer" or not names:
        return type(optimizer).__name__
    name = _CLASSES.get(names[-1]) or "".join(part.title() for part in names[-1].removesuffix("_step").split("_"))
    # For SGD it makes no difference whether a decay is decoupled.
    return "AdamW" if name == "Adam" and "weight_decay" in names else name


def _groups(optimizer: Any) -> list[dict[str, Any]]:
    """Parameter groups as one of PyTorch's own has them, with fastai's settings under both names."""
    found = []
    for held, settings in zip(optimizer.param_lists, optimizer.hypers, strict=True):
        both = {name: settings[own] for name, own in _SAME.items() if own in settings}
        if "mom" in settings and "sqr_mom" in settings:
            both["betas"] = (settings["mom"], settings["sqr_mom"])
        found.append({**settings, **both, "params": list(held)})
    return found


@torch.no_grad()
def _step(callbacks: tuple[Callable[..., Any], ...], optimizer: Optimizer, *_: Any) -> None:
    """A step of fastai's kind on the parameters of a copy."""
    for group in optimizer.param_groups:
        settings = {name: value for name, value in group.items() if name not in ("params", "betas", *_SAME)}
        for p in group["params"]:
            if p.grad is None:
                continue
            state = optimizer.state[p]
            for callback in callbacks:
                changed = callback(p, **{**state, **settings})
                if isinstance(changed, dict):
                    state.update(changed)
