"""Forward hooks that exist only inside one outermost model call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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

    def add_lean(self, path: str, module: nn.Module, visit: Visit) -> None:
        """The same for a hook that stays for many calls: those in training count, and no clock runs."""
        self.open = True
        guarded = self._session.recorder.guard(self._part, visit)

        def after(module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
            # Within a backward pass it is a forward that activation checkpointing repeats.
            if module.training and torch.is_grad_enabled() and torch._C._current_autograd_node() is None:
                guarded(path, module, args, _NOTHING, output)

        self._handles.append(module.register_forward_hook(after))

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
