"""Where in the user's code things were made: modules, parameters, loaders, and initial values.

Everything is kept beside the user's objects, by identity and weakly: pickling, copying and compiling see nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn import init
from torch.utils.data import DataLoader

from netvet.capture.contents import Aim, content_line
from netvet.capture.site import _OURS, Site, _kind, _shown, site_of, user_frame, user_site
from netvet.capture.source import argument_origins, keeping_line, leaving_line, uncalled_line
from netvet.capture.torch_events import Happening, Session
from netvet.capture.torch_models import WeakIdMap
from netvet.capture.torch_patch import Patches

# In-place methods by which programs set initial values; they are watched only until a model is first called.
_IN_PLACE = (
    "normal_", "uniform_", "fill_", "zero_", "copy_", "mul_", "div_", "add_", "sub_", "clamp_", "exponential_",
    "bernoulli_", "__imul__", "__itruediv__", "__iadd__", "__isub__",
)  # fmt: skip
_INITIALISERS = tuple(n for n in vars(init) if n.endswith("_") and not n.startswith("_"))
# A program that fills so many tensors before it trains is making data.
MAX_NOTES = 20_000
# Code that was read wrongly, or of which nothing is the user's.
_MISREAD = (ValueError, TypeError, AttributeError, IndexError, RecursionError, StopIteration)


class Origins:
    """Lines of the user's code that made modules, parameters and loaders, or set values and flags of parameters."""

    part = "places of creation"

    def __init__(self, session: Session) -> None:
        self._session = session
        self.modules: WeakIdMap[Site] = WeakIdMap()
        self.loaders: WeakIdMap[Site] = WeakIdMap()
        self.frozen: WeakIdMap[Site] = WeakIdMap()
        # Where train() or eval() was last called.
        self.modes: WeakIdMap[Site] = WeakIdMap()
        self._parameters: WeakIdMap[Site] = WeakIdMap()
        self._values: WeakIdMap[Site] = WeakIdMap()
        # `p.data` is another tensor than `p`, but it has the same storage; the weak reference keeps its address.
        self._storages: dict[int, tuple[StorageWeakRef, Site]] = {}
        self._notes = 0
        self._early = Patches()

    def install(self, patches: Patches) -> None:
        """Watch what is made and filled."""
        for owner, method, kept in (
            (nn.Module, "__init__", self.modules),
            (nn.Module, "__setstate__", self.modules),
            (DataLoader, "__init__", self.loaders),
        ):
            patches.wrap(owner, method, self._making(kept))
        patches.wrap(nn.Module, "register_parameter", self._registering)
        patches.wrap(nn.Module, "requires_grad_", self._freezing, rests=True)
        patches.wrap(nn.Module, "train", self._switching)
        patches.wrap(nn.Module, "_apply", self._moving)
        for name in _INITIALISERS:
            patches.wrap(init, name, self._filling)
        for name in _IN_PLACE:
            self._early.wrap(torch.Tensor, name, self._filling)
        self._early.wrap(torch.Tensor, "requires_grad_", self._freezing)

    def close(self, _event: Any = None) -> None:
        """Training begins: tensor methods are what they were."""
        self._early.undo()

    on_call_begin = on_loss = on_backward_begin = on_step_begin = on_finish = close

    def parameter_made(self, parameter: torch.Tensor, owner: nn.Module | None) -> Site | None:
        """The line that put a parameter into its module; else the line that made the module."""
        own = self._parameters.get(parameter)
        return own or (self.modules.get(owner) if owner is not None else None)

    def value_set(self, parameter: torch.Tensor) -> Site | None:
        """The line that last set the values of a parameter before training, other than its layer's own default."""
        known = self._values.get(parameter)
        key = _storage(parameter)
        entry = self._storages.get(key.cdata) if key is not None else None
        return entry[1] if entry is not None else known

    def _open(self) -> bool:
        return not torch.compiler.is_compiling() and self._session.recorder.here and not self._session.emitting

    def _making(self, kept: WeakIdMap[Site]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        note = self._session.recorder.guard(self.part, lambda made: _remember(kept, made, _maker(made)))

        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def construct(made: Any, *args: Any, **kwargs: Any) -> Any:
                if self._open():
                    note(made)
                return original(made, *args, **kwargs)

            return construct

        return make

    def _registering(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def note(parameter: Any, caller: FrameType) -> None:
            if caller.f_code.co_name == "__setattr__" and caller.f_back is not None:
                caller = caller.f_back
            if isinstance(parameter, torch.Tensor) and _kind(caller.f_code.co_filename) == 0:
                _remember(self._parameters, parameter, user_site())

        guarded = self._session.recorder.guard(self.part, note)

        def register_parameter(module: nn.Module, name: str, param: Any) -> None:
            if param is not None and param is not module._parameters.get(name) and self._open():
                guarded(param, _caller())
            original(module, name, param)

        return register_parameter

    def _freezing(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def note(subject: Any) -> None:
            site = user_site()
            for parameter in subject.parameters() if isinstance(subject, nn.Module) else (subject,):
                if isinstance(parameter, nn.Parameter) and not parameter.requires_grad:
                    _remember(self.frozen, parameter, site)

        guarded = self._session.recorder.guard(self.part, note)

        def requires_grad_(subject: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(subject, *args, **kwargs)
            if self._open():
                guarded(subject)
            return result

        return requires_grad_

    def _switching(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Module.eval calls train(False), and each the same of its parts: only the outermost is the user's."""
        guarded = self._session.recorder.guard(self.part, lambda m: _remember(self.modes, m, user_site()))
        inside = False

        def train(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            nonlocal inside
            if inside:
                return original(module, *args, **kwargs)
            inside = True
            try:
                if self._session.asleep and self._session.sleeper is not None:
                    self._session.sleeper.rouse()  # an evaluation begins, mostly
                if self._open():
                    guarded(module)
                result = original(module, *args, **kwargs)
                if self._session.asleep and self._session.every_step:
                    self._session.emit("mode", Happening(module, None, {"training": module.training}))
                return result
            finally:
                inside = False

        return train

    def _filling(self, original: Callable[..., Any]) -> Callable[..., Any]:
        guarded = self._session.recorder.guard(self.part, self._filled)

        def fill(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            # What PyTorch itself calls are the defaults of its layers.
            if self._notes < MAX_NOTES and _kind(_caller().f_code.co_filename) != 2 and self._open():
                guarded(args[0] if args else kwargs.get("tensor"))
            return result

        return fill

    def _filled(self, tensor: Any) -> None:
        site = user_site()
        self._notes += 1
        if not isinstance(tensor, torch.Tensor) or site is None or self._session.first_step_done:
            return
        if isinstance(tensor, nn.Parameter):
            self._values.set(tensor, site)
        storage = _storage(tensor)
        if storage is not None:
            self._storages[storage.cdata] = (storage, site)

    def _moving(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """Module.to and its like give a parameter another storage: note by identity what was known by storage."""

        def note(module: nn.Module) -> None:
            for parameter in module._parameters.values():
                if parameter is not None:
                    _remember(self._values, parameter, self.value_set(parameter))

        guarded = self._session.recorder.guard(self.part, note)

        def _apply(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            if self._open():
                guarded(module)
            return original(module, *args, **kwargs)

        return _apply


def origins_of(session: Session) -> Origins:
    """The places of one run."""
    found: Origins = session.options.setdefault("origins", Origins(session))
    return found


def _remember(kept: WeakIdMap[Site], made: Any, site: Site | None) -> None:
    if site is not None:
        kept.set(made, site)


def _storage(tensor: torch.Tensor) -> StorageWeakRef | None:
    try:
        return StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]
    except (RuntimeError, NotImplementedError):  # sparse, lazy, or inside a transform: it has none
        return None


def _frames(depth: int) -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _caller() -> FrameType:
    """Who called the function that netvet stands in for."""
    return next(f for f in _frames(3) if not f.f_code.co_filename.startswith(_OURS[0]))


def _maker(made: Any) -> Site | None:
    """The innermost line of the user's code that is in no constructor of the very object."""
    for frame in _frames(2):
        code = frame.f_code
        if _kind(code.co_filename) == 0:
            own = code.co_name in ("__init__", "__setstate__") and code.co_argcount > 0
            if not own or frame.f_locals.get(code.co_varnames[0]) is not made:
                return site_of(frame)
    return user_site()


def calling_module() -> nn.Module | None:
    """The module of PyTorch's own whose forward is running between here and the user's innermost line."""
    for frame in _frames(2):
        code = frame.f_code
        if _kind(code.co_filename) == 0:
            return None
        if code.co_name == "forward" and code.co_argcount > 0:
            module = frame.f_locals.get(code.co_varnames[0])
            if isinstance(module, nn.Module):
                return module
    return None


def called_by_user(frame: FrameType | None) -> Site | None:
    """The user's line that called the module within whose call this frame is; None if another module did."""
    while frame is not None:
        code = frame.f_code
        if _kind(code.co_filename) != 2:
            return site_of(frame) if _kind(code.co_filename) == 0 else None
        if code.co_name == "forward" and "self" in frame.f_locals:
            return None  # a container's
        frame = frame.f_back
    return None


def data_site(*positions: int | str, aim: Aim | None = "values") -> Site | None:
    """The user's line that made what the present call is given at the first of these positions that can be followed.

    Where the values come from outside, and without an aim, it is the line that put them together.
    """
    frame = user_frame()
    for position in positions:
        if frame is None:
            break
        try:
            made = _own(content_line(frame, position, aim)) if aim is not None else None
            if made is None and aim == "origin":
                continue
            last = made or next(filter(_own, reversed(list(argument_origins(frame, position)))))
        except _MISREAD:
            continue
        return Site(_shown(last[0]), last[1])
    return None


def _own(line: tuple[str, int] | None) -> tuple[str, int] | None:
    """A line of the user's code, rather than of the library whose loop calls it."""
    return line if line is not None and _kind(line[0]) == 0 else None


def batch_site(position: int | str) -> Site | None:
    """The line that drew the rows of the batch that the present call is given at a position."""
    frame = user_frame()
    try:
        drawn = _own(content_line(frame, position, "batch")) if frame is not None else None
    except _MISREAD:
        return None
    return Site(_shown(drawn[0]), drawn[1]) if drawn is not None else None


def attribute_site(cls: type, attribute: str) -> Site | None:
    """The line of the user's class that first sets an attribute of its objects."""
    file = getattr(getattr(vars(cls).get("__init__"), "__code__", None), "co_filename", None)
    line = keeping_line(file, cls.__name__, attribute) if file and _kind(file) == 0 else None
    return Site(_shown(file), line) if file and line is not None else None


def uncalled_site(method: str) -> Site | None:
    """The line that names a method and forgets to call it, in the files of the user's code that is running."""
    files = dict.fromkeys(f.f_code.co_filename for f in _frames(2) if _kind(f.f_code.co_filename) == 0)
    found = (Site(_shown(f), line) for f in files if (line := uncalled_line(f, method)) is not None)
    return next(found, None)


def exit_site() -> Site | None:
    """The return or break that leaves the loop in which the user's line is."""
    frame = user_frame()
    line = leaving_line(frame.f_code, frame.f_lineno) if frame is not None else None
    return Site(_shown(frame.f_code.co_filename), line) if frame is not None and line is not None else None
