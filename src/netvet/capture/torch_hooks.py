"""Forward hooks that exist only inside one outermost model call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from time import perf_counter
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from netvet.capture.torch_events import Call, Session
from netvet.capture.torch_models import plain_name

# Hooks on the parts of these in eval mode would switch off their fast path, and so change the numbers.
_FAST_PATH = (nn.TransformerEncoder, nn.TransformerEncoderLayer, nn.MultiheadAttention)

Visit = Callable[[str, nn.Module, tuple[Any, ...], dict[str, Any], Any], None]
Enter = Callable[[str, nn.Module], None]
_NOTHING: dict[str, Any] = {}


def walk(root: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Path and module of everything that can be hooked without changing what is computed."""
    seen: set[int] = set()
    stack: list[tuple[str, nn.Module]] = [("", root)]
    while stack:
        path, module = stack.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        yield path, module
        if isinstance(module, _FAST_PATH) and not module.training:
            continue
        children = [(f"{path}.{n}" if path else n, m) for n, m in module._modules.items() if m is not None]
        stack.extend(reversed(children))


def is_compiled(root: nn.Module) -> bool:
    """Some part of it runs as compiled code, which calls no hooks."""
    return any(
        hasattr(m, "_orig_mod")
        or getattr(m, "_compiled_call_impl", None) is not None
        or isinstance(m, torch.jit.ScriptModule)
        for m in root.modules()
    )


def is_wrapped(tensor: torch.Tensor) -> bool:
    """A tensor inside vmap or grad transforms, whose values cannot be read."""
    return bool(torch._C._functorch.is_functorch_wrapped_tensor(tensor))


def _trains(root: nn.Module) -> bool:
    """A call that begins now is one of training: not a forward that activation checkpointing repeats in backward."""
    if not (root.training and torch.is_grad_enabled()) or torch.compiler.is_compiling():
        return False
    capturing = torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()
    return torch._C._current_autograd_node() is None and not capturing


class CallHooks:
    """Hooks for the length of one call; what they do counts as netvet's own work and never raises.

    Args:
        part: the collector that is switched off when a hook fails.
    """

    def __init__(self, session: Session, part: str) -> None:
        self._session = session
        self._part = part
        self._handles: list[RemovableHandle] = []
        self.open = False
        # Of hooks that stay: the root whose call goes on, and those that were called in this step.
        self._within: nn.Module | None = None
        self._done: set[int] = set()

    def add(self, path: str, module: nn.Module, visit: Visit, enter: Enter | None = None) -> None:
        """Have `visit(path, module, args, kwargs, output)` called after the module, `enter` before it."""
        self.open = True
        guarded = self._session.recorder.guard(self._part, visit)

        def after(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
            if self._ours():
                self._quietly(lambda: guarded(path, module, args, kwargs, output))

        self._handles.append(module.register_forward_hook(after, with_kwargs=True))
        if enter is not None:
            entered = self._session.recorder.guard(self._part, enter)

            def before(module: nn.Module, _args: Any) -> None:
                if self._ours():
                    entered(path, module)

            self._handles.append(module.register_forward_pre_hook(before))

    def add_lean(self, root: nn.Module, parts: list[tuple[str, nn.Module]], visit: Visit) -> None:
        """The same for hooks that stay for many calls: of each step the first call of a root in training counts.

        No clock runs. Whoever adds them says with `new_step` that a step has ended.

        Args:
            root: what the program calls; `parts`: names and modules in it, to be visited.
        """
        self.open = True
        guarded = self._session.recorder.guard(self._part, visit)

        def enter(module: nn.Module, _args: Any) -> None:
            if self._within is None and id(module) not in self._done and _trains(module):
                self._within = module

        def leave(module: nn.Module, _args: Any, _output: Any) -> None:
            if self._within is module:
                self._within = None
                self._done.add(id(module))

        def after(path: str, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            if self._within is not None and module.training and not torch.compiler.is_compiling():
                guarded(path, module, args, _NOTHING, output)

        self._handles.append(root.register_forward_pre_hook(enter))
        self._handles += [module.register_forward_hook(partial(after, path)) for path, module in parts]
        self._handles.append(root.register_forward_hook(leave))

    def new_step(self) -> None:
        """The next call of each root is the first of a step."""
        self._within = None
        self._done.clear()

    def _ours(self) -> bool:
        return self.open and not torch.compiler.is_compiling() and self._session.recorder.here

    def _quietly(self, work: Callable[[], Any]) -> None:
        session = self._session
        outer, session.emitting = session.emitting, True
        began = perf_counter()
        try:
            with torch.no_grad():
                work()
        finally:
            session.emitting = outer
            session.recorder.schedule.spent += perf_counter() - began

    def remove(self) -> None:
        """Take all hooks away."""
        self.open = False
        self._within = None
        for handle in self._handles:
            handle.remove()
        self._handles.clear()


def path_in_model(session: Session, event: Call) -> str:
    """What stands in front of the paths of this call's modules: the model's prefix and the place of a called part."""
    prefix = session.models.prefix(event.model)
    if event.module is event.model:
        return prefix
    inner = next((plain_name(n) for n, m in event.model.named_modules() if m is event.module), "")
    inner = inner if inner not in ("module", "_orig_mod") else ""
    return f"{prefix}{inner}." if inner else prefix
