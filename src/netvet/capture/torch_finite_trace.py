"""Watch every operation of one step, forward and backward, for the first that makes NaN or infinity.

A number that is not finite is followed from the operation that made it to the loss and the gradients. What counts is
therefore only what reaches them: an attention mask of minus infinity that a softmax turns into zeros does not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from netvet.capture.site import Site, user_frame, user_site
from netvet.capture.torch_events import Session
from netvet.capture.torch_models import plain_name
from netvet.capture.torch_origins import called_by_user, origins_of
from netvet.capture.torch_tensors import leaves, tensors_in

# Roots whose operands are looked at; the first ones are what anybody reads.
MAX_ROOTS = 200
# New nodes of the graph that one function call may make.
MAX_NODES = 10_000
# Operations that overwrite what they are given first, without reading it.
_OVERWRITING = ("copy_", "fill_", "zero_", "normal_", "uniform_", "bernoulli_", "random_", "exponential_", "set_")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an operation was written: the user's line, the module that ran, the function that was called there.

    Args:
        made: the line that made the module, for one of PyTorch's own.
    """

    site: Site | None
    module: str | None
    function: str
    made: Site | None = None


@dataclass(eq=False, slots=True)
class Root:
    """Where numbers that are not finite begin: an operation, or something that was given.

    Args:
        number: order of appearance.
        kind: `made`: by an operation out of finite numbers; `asked`: it was told to write infinity (a mask);
            `turned`: infinity became NaN there; `given`: by the data, the weights, or from outside the step.
        operands: `{shape, dtype, min, max, ...}` of each tensor that went in; `where`: its values at the bad places.
        bad: which elements of the result are not finite.
    """

    number: int
    kind: Literal["made", "asked", "turned", "given"]
    phase: Literal["forward", "backward"]
    op: str
    place: Place | None
    node: str | None = None
    operands: list[dict[str, Any]] = field(default_factory=list)
    scalars: list[float] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    bad: torch.Tensor | None = None
    source: str | None = None


class FiniteTrace:
    """Two modes that are entered for one step.

    Attributes:
        in_backward: set by the caller around the backward pass.
        operations: how many were seen.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._functions = _Functions(self)
        self._dispatch = _Dispatch(self)
        self.in_backward = self._over = self._entered = False
        self.operations = 0
        self.current = ""
        self._count = 0
        self._origins: dict[Any, Place] = {}
        self._given: dict[int, tuple[torch.Tensor, str, Site | None]] = {}
        # Memory that holds numbers that are not finite -> where they come from; the storage is kept alive with it.
        self._tainted: dict[int, tuple[Any, frozenset[Root]]] = {}
        self._caller: Any = None

    def enter(self) -> None:
        """From now on every operation is watched."""
        self._entered = True
        self._functions.__enter__()  # type: ignore[no-untyped-call]
        self._dispatch.__enter__()  # type: ignore[no-untyped-call]

    def stop(self) -> None:
        """Operations are not watched any more; the modes stay, since they may be in the midst of a function."""
        self._over = True

    def leave(self) -> None:
        """Take the modes away, after the program has ended, and with them those that it has left."""
        if not self._entered:
            return
        while torch._C._len_torch_function_stack() > 0:
            torch._C._pop_torch_function_stack()
        while torch._C._len_torch_dispatch_stack() > 0:
            torch._C._pop_torch_dispatch_stack(None)

    def begin_backward(self) -> None:
        """The backward pass starts from the user's line that runs now."""
        self.in_backward = True
        frame = user_frame()
        self._caller = frame.f_code if frame is not None else None

    def give(self, tensor: torch.Tensor, source: str) -> None:
        """Name a tensor that the step was given."""
        self._given[_storage(tensor)] = (tensor, source, user_site(2))

    def roots(self, tensors: Iterable[torch.Tensor]) -> list[Root]:
        """Where the numbers in these tensors that are not finite come from, in order of appearance."""
        found: set[Root] = set()
        for tensor in tensors:
            if not _status(tensor)[0]:
                found |= self._of(tensor)
        return sorted(found, key=lambda root: root.number)

    def origin(self, node: Any) -> Place | None:
        """Where a node of the autograd graph was made."""
        return self._origins.get(node)

    def note_nodes(self, output: Any, name: str) -> None:
        """A function has run: the new nodes of the graph are its."""
        queue = [n for t in tensors_in(output) if (n := _grad_fn(t)) is not None and n not in self._origins]
        if not queue:
            return
        place = self._place(name)
        for node in queue:
            self._origins[node] = place
        for node in queue[:MAX_NODES]:
            for below, _ in node.next_functions:
                if below is not None and below not in self._origins:
                    self._origins[below] = place
                    queue.append(below)

    def run(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Run one operation and look at what went in and what came out."""
        name = func._schema.name.partition("::")[2]
        if self._over or self._session.emitting or name.startswith(("empty", "new_empty")):
            return func(*args, **kwargs)
        self.operations += 1
        given = list(tensors_in((args, kwargs)))
        read = given[1:] if name in _OVERWRITING else given
        before = [_status(t) for t in read]
        parents = {r for t, (fine, _) in zip(read, before, strict=True) if not fine for r in self._of(t)}
        kept = [t.clone() for t in read] if func._schema.is_mutable and not parents else read
        output = func(*args, **kwargs)
        after = [(t, *_status(t)) for t in tensors_in(output)]
        if any(not fine for _, fine, _ in after):
            self._bad(name, (args, kwargs), kept, before, [t for t, fine, _ in after if not fine], parents)
        return output

    def _bad(
        self, name: str, arguments: Any, read: list[torch.Tensor], before: list[tuple[bool, bool]],
        bad: list[torch.Tensor], parents: set[Root],
    ) -> None:  # fmt: skip
        asked = any(isinstance(v, float) and v - v != 0 for v in leaves(arguments))
        turned = not any(nan for _, nan in before) and any(bool(torch.isnan(t).any()) for t in bad)
        roots = set(parents)
        if not parents or turned or asked:
            kind: Any = "asked" if asked and not turned else "turned" if parents or asked else "made"
            roots.add(self._root(kind, name, arguments, read, bad[0]))
        for tensor in bad:
            key = _storage(tensor)
            before_now = self._tainted.get(key, (None, frozenset()))[1]
            self._tainted[key] = (tensor, before_now | roots)

    def _root(self, kind: Any, name: str, arguments: Any, read: list[torch.Tensor], bad: torch.Tensor) -> Root:
        self._count += 1
        node = torch._C._current_autograd_node() if self.in_backward else None
        root = Root(
            self._count, kind, "backward" if self.in_backward else "forward", name, self._present(node),
            type(node).__name__ if node is not None else None,
        )  # fmt: skip
        if self._count <= MAX_ROOTS:
            mask = ~torch.isfinite(bad)
            root.bad, root.result = mask.cpu(), _described(bad, None)
            root.operands = [_described(t, mask) for t in read]
            root.scalars = [float(v) for v in leaves(arguments) if isinstance(v, (int, float))]
            if node is not None:
                root.operands = _saved(node) or root.operands
        return root

    def _present(self, node: Any) -> Place | None:
        """Where the operation that runs now was written; of the backward pass, where its forward was."""
        if not self.in_backward:
            return self._place(self.current)
        frame = user_frame()
        if frame is not None and frame.f_code is not self._caller:  # a backward, or a recomputed forward, in user code
            return self._place(self.current)
        return self._origins.get(node) if node is not None else None

    def _place(self, function: str) -> Place:
        site, module, made = user_site(3), None, None
        frame = sys._getframe(2)
        while frame is not None and frame.f_code.co_name != "_call_impl":
            frame = frame.f_back  # type: ignore[assignment]
        inner = frame.f_locals.get("self") if frame is not None else None
        if isinstance(inner, nn.Module):
            module = self._path(inner)
            if type(inner).__module__.startswith("torch."):
                made = origins_of(self._session).modules.get(inner)
                if made is not None and called_by_user(frame) is None:
                    site = made  # the line that calls the container says little
        return Place(site, module, function, made)

    def _path(self, module: nn.Module) -> str:
        model = self._session.models.outermost(module)
        path = next((plain_name(n) for n, m in model.named_modules() if m is module), "")
        cls = type(module).__name__
        return f"{path} ({cls})" if path else cls

    def _of(self, tensor: torch.Tensor) -> frozenset[Root]:
        key = _storage(tensor)
        if key not in self._tainted:
            known = self._given.get(key)
            self._count += 1
            phase: Any = "backward" if self.in_backward else "forward"
            place = self._present(None)
            if known and known[2] is not None and not known[1].startswith("weight "):
                place = Place(known[2], place.module if place else None, "")
            root = Root(self._count, "given", phase, "", place, source=known[1] if known else None)
            root.result = _described(tensor, None)
            root.bad = (~torch.isfinite(known[0] if known else tensor)).cpu()
            self._tainted[key] = (tensor, frozenset((root,)))
        return self._tainted[key][1]


def blamed(roots: list[Root], final_nan: bool) -> Root | None:
    """Of the roots that reach the result, the one to name.

    Infinity on purpose (a mask) is to blame only where nothing else is; then the operation that turned it into NaN is.
    """
    given_nan = [r for r in roots if r.kind == "given" and r.result.get("nan")]
    given_inf = [r for r in roots if r.kind == "given" and not r.result.get("nan") and not _is_mask(r)]
    made = [r for r in roots if r.kind == "made"]
    first = sorted(made + given_nan + given_inf, key=lambda r: r.number)
    turned = [r for r in roots if r.kind == "turned"] if final_nan else []
    return next(iter(first or turned or roots), None)


def _is_mask(root: Root) -> bool:
    """Minus infinity alone, and not in a weight: a mask that was handed in."""
    return root.result.get("inf_above", 0) == 0 and not (root.source or "").startswith("weight ")


class _Functions(TorchFunctionMode):
    """Notes which function the user's line calls, and the nodes of the graph that it makes."""

    def __init__(self, trace: FiniteTrace) -> None:
        super().__init__()
        self._trace = trace

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        trace = self._trace
        outer, trace.current = trace.current, getattr(func, "__name__", "")
        try:
            output = func(*args, **(kwargs or {}))
            if not trace._over and not trace._session.emitting and trace.current != "__get__":
                trace.note_nodes(output, trace.current)
            return output
        finally:
            trace.current = outer


class _Dispatch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Hands every operation, of the backward pass too, to the trace."""

    def __init__(self, trace: FiniteTrace) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._trace = trace

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._trace.run(func, args, kwargs or {})


def _status(tensor: torch.Tensor) -> tuple[bool, bool]:
    """Whether all is finite, and whether some is NaN."""
    if not (tensor.is_floating_point() or tensor.is_complex()) or tensor.numel() == 0 or tensor.is_sparse:
        return True, False
    try:
        fine = bool(torch.isfinite(tensor).all())
        return fine, not fine and bool(torch.isnan(tensor).any())
    except (RuntimeError, NotImplementedError):  # a type of 8 bits, a subclass, meta
        return True, False


def _described(tensor: torch.Tensor, mask: torch.Tensor | None) -> dict[str, Any]:
    """Shape, dtype, smallest and largest finite value, counts; `at_min`, `at_max`: of the values at the bad places."""
    record: dict[str, Any] = {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch.")}
    if not tensor.is_floating_point() or tensor.numel() == 0:
        return record
    values = tensor.detach().double()
    fine = torch.isfinite(values)
    record["nan"], record["inf"] = int(values.isnan().sum()), int(values.isinf().sum())
    record["inf_above"] = int(values.isposinf().sum())
    if bool(fine.any()):
        record["min"], record["max"] = float(values[fine].min()), float(values[fine].max())
    if mask is not None and mask.shape != values.shape:
        try:
            values = values.expand(mask.shape)
        except RuntimeError:
            return record
    if mask is not None and bool(mask.any()):
        at = values[mask]
        at = at[torch.isfinite(at)]
        if at.numel():
            record["at_min"], record["at_max"] = float(at.min()), float(at.max())
    return record


def _saved(node: Any) -> list[dict[str, Any]]:
    """What the node keeps from its forward."""
    found = []
    for name in dir(node):
        if name.startswith("_saved_"):
            try:
                value = getattr(node, name)
            except RuntimeError:  # freed already
                continue
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                found.append(_described(value, None) | {"name": name.removeprefix("_saved_")})
    return found


def _storage(tensor: torch.Tensor) -> int:
    try:
        return int(tensor.untyped_storage().data_ptr()) or id(tensor)
    except (RuntimeError, NotImplementedError):
        return id(tensor)


def _grad_fn(tensor: torch.Tensor) -> Any:
    try:
        return tensor.grad_fn
    except RuntimeError:  # a view made without gradients whose base has changed
        return None
