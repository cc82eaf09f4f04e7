"""How the script itself scores predictions: what it does between the model's output and a comparison with targets.

Within evaluation passes a TorchFunctionMode watches from the end of a model call to the next one; it is never
active inside a model call. Records `metrics`, and tells the evaluation pass of hits that no loss function shows.
"""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from netvet.capture.site import Site, user_site
from netvet.capture.torch_batches import Batch, BatchTracker
from netvet.capture.torch_evaluations import EvaluationCollector, Pass, Score
from netvet.capture.torch_events import Backward, Call, LossCall, Session, Step
from netvet.capture.torch_ops import _leave
from netvet.capture.torch_order import place
from netvet.capture.torch_predicted_labels import PredictedLabels
from netvet.capture.torch_tensors import CLASS_LOSSES, Budget, class_axis, is_plain, outputs, tensors_in

MAX_SITES = 20
# After so many functions between two model calls the script is doing something else.
MAX_FUNCTIONS = 100
SHARE, GRACE = 0.01, 0.3

# Classes whose targets are counted, at most.
MAX_COUNTED = 1_000
# What makes labels of outputs, what compares, and what hands values on.
_ROUNDING = ("round", "gt", "ge", "lt", "le", "greater", "greater_equal", "less", "less_equal")
_COMPARING = ("eq", "__eq__", "ne", "__ne__", "not_equal")
_SUBTRACTING = ("sub", "__sub__", "__rsub__", "subtract", "rsub")
_SQUASHING = ("sigmoid", "expit", "softmax", "log_softmax")
_MOVING = (
    "float", "double", "half", "to", "cpu", "cuda", "detach", "clone", "contiguous", "view", "reshape", "squeeze",
    "unsqueeze", "flatten", "transpose", "permute", "t", "__getitem__", "long", "int", "bool", "byte", "type",
    "type_as", "view_as", "reshape_as", "expand_as", "__get__",
)  # fmt: skip


@dataclass(slots=True)
class _Derived:
    """A tensor that was made from the model's output.

    Args:
        op: what made labels of it (None: still scores).
        dim: axis of the arg-max.
        scores: the tensor that was turned into labels.
        squashed: a sigmoid or softmax came before, or something `other` that changes what values mean.
        site: where the op was called.
    """

    tensor: torch.Tensor
    op: str | None = None
    dim: int | None = None
    scores: torch.Tensor | None = None
    squashed: str | None = None
    site: Site | None = None


@dataclass(slots=True)
class _Comparison:
    """All comparisons at one call site in one pass."""

    record: dict[str, Any]
    owner: Pass
    equal: float = 0.0
    compared: int = 0
    right: float | None = 0.0
    wanted: int = 0
    counts: list[int] = field(default_factory=list)


class MetricCollector:
    """Records `metrics` and `predicted_labels`."""

    part = "metrics"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._window = session.options["metric_window"]
        self._window.collector = self
        self.observe = session.recorder.guard(self.part, self._observe)
        self.budget = Budget(SHARE, GRACE)
        self._derived: dict[int, _Derived] = {}
        self._counted: dict[int, tuple[Any, _Comparison, int]] = {}
        self._comparisons: dict[tuple[str, str], _Comparison] = {}
        self._labels = PredictedLabels()
        self._watched: Pass | None = None
        self._classes: dict[str, tuple[int, int]] = {}
        self._binary: dict[str, str] = {}
        self._functions = 0
        self._batch: Batch | None = None
        self._ended = False

    def on_loss(self, event: LossCall) -> None:
        tracker: BatchTracker = self._session.options["batches"]
        batch, size, axis = tracker.batch, outputs(event), class_axis(event)
        if batch is None or not event.output.requires_grad:
            return
        if event.function in CLASS_LOSSES and size and axis is not None:
            self._classes[batch.model] = (size, event.input.dim())
        elif size and event.function.startswith("binary_cross_entropy"):
            self._binary[batch.model] = "probabilities" if event.function == "binary_cross_entropy" else "logits"

    def on_call_end(self, event: Call) -> None:
        evaluations: EvaluationCollector = self._session.options["evaluations"]
        current = evaluations.current
        if current is None:
            return
        if current is not self._watched and (not self.budget.left or _compiling()):
            return
        tracker: BatchTracker = self._session.options["batches"]
        self._watched, self._batch, self._functions = current, tracker.batch, 0
        self._derived = {id(t): _Derived(t) for t in tensors_in(event.output) if is_plain(t) and t.numel()}
        if self._derived:
            self._window.enter()

    def forget(self) -> None:
        """The window closes: let go of the user's tensors."""
        self._derived, self._counted, self._batch = {}, {}, None

    def _observe(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        if self._session.emitting or not self._session.recorder.here or not self._derived:
            return
        self._functions += 1
        if self._functions > MAX_FUNCTIONS:
            self.forget()
            return
        with self.budget:
            name = getattr(function, "__name__", "")
            given = [*args, *kwargs.values()]
            if name == "sum" and args and id(args[0]) in self._counted:
                self._summed(args[0], output)
                return
            known = next((self._derived[id(a)] for a in given if id(a) in self._derived), None)
            first = next((a for a in given if isinstance(a, torch.Tensor)), None)
            if known is not None and (name in _COMPARING or name in _SUBTRACTING or known.tensor is first):
                self._follow(known, name, given, kwargs, output)

    def _follow(self, known: _Derived, name: str, given: list[Any], kwargs: dict[str, Any], output: Any) -> None:
        if name in _COMPARING:
            self._compare(name, given, output)
        elif name in _SUBTRACTING and known.op is None:
            others = [a for a in given if isinstance(a, torch.Tensor) and id(a) not in self._derived]
            if others and others[0].numel() > 1 and self._watched is not None:
                self._watched.scored.add("compare")  # a loss written by hand
                tell = self._session.options.get("difference")
                if tell is not None and known.squashed is None:
                    tell(known.tensor, others[0], str(user_site(3)))
        elif name in ("argmax", "max", "topk"):
            self._choose(known, name, given, kwargs, output)
        elif name in _ROUNDING and isinstance(output, torch.Tensor):
            tensors = [a for a in given if isinstance(a, torch.Tensor) and a.numel() > 1]
            if len(tensors) == 1:
                op = "round" if name == "round" else "gt"
                self._add(output, _Derived(output, op, None, known.tensor, known.squashed, site := user_site()))
                self._labels.add(output, op, site, self._watched)
        elif name in _SQUASHING and isinstance(output, torch.Tensor):
            self._add(output, _Derived(output, known.op, known.dim, known.scores, name))
        elif name in _MOVING or (known.op is not None and name in ("clamp", "clip")):
            for part in tensors_in(output):
                self._add(part, _Derived(part, known.op, known.dim, known.scores, known.squashed, known.site))
        elif known.op is None and isinstance(output, torch.Tensor) and output.numel() > 1:
            self._add(output, _Derived(output, squashed="other"))  # a distance, a mean over members, ...

    def _add(self, tensor: torch.Tensor, derived: _Derived) -> None:
        if is_plain(tensor):
            self._derived.setdefault(id(tensor), derived)

    def _choose(self, known: _Derived, name: str, given: list[Any], kwargs: dict[str, Any], output: Any) -> None:
        """An arg-max, a max with its indices, or a top 1."""
        dims = [a for a in given[1:] if isinstance(a, int) and not isinstance(a, bool)]
        if name == "topk":  # its first number is k, unless that has a name; its axis is the last by default
            dims = dims["k" not in kwargs :] or [-1]
        axis = kwargs.get("dim", kwargs.get("axis", dims[0] if dims else None))
        made = output if isinstance(output, torch.Tensor) else getattr(output, "indices", None)
        if made is None or axis is None or (name == "max" and isinstance(output, torch.Tensor)):
            return
        if name == "topk" and made.shape[axis] != 1:
            return
        dim = axis % known.tensor.dim() if known.tensor.dim() else 0
        op = "argmax" if name == "topk" else name
        self._add(made, _Derived(made, op, dim, known.tensor, known.squashed, site := user_site()))
        self._labels.add(made, op, site, self._watched)
        if self._watched is not None:
            self._watched.scored.add("argmax")

    def _compare(self, name: str, given: list[Any], output: Any) -> None:
        tensors = [a for a in given[:2] if isinstance(a, torch.Tensor)]
        if len(tensors) != 2 or not isinstance(output, torch.Tensor) or self._watched is None:
            return
        made = [self._derived.get(id(t)) for t in tensors]
        label = next((m for m in made if m is not None and m.op is not None), None)
        target = next((t for t, m in zip(tensors, made, strict=True) if m is None), None)
        if label is None or target is None or not is_plain(target) or target.numel() < 1 or output.numel() == 0:
            return
        self._watched.scored.add("compare")
        site = user_site(4)
        comparison = self._comparison(label, target, output, site)
        if comparison is None:
            return
        share = float(output.detach().double().mean())
        equal = 1.0 - share if name in ("ne", "__ne__", "not_equal") else share
        comparison.equal += equal * output.numel()
        comparison.compared += output.numel()
        comparison.wanted += target.numel()
        comparison.counts = _added(comparison.counts, target)
        right = self._right(label, target, comparison.record["classes_dim"])
        comparison.right = None if right is None or comparison.right is None else comparison.right + right
        if equal == share:
            self._counted[id(output)] = (output, comparison, target.numel())
        score = self._watched.scores.setdefault(str(site or "?"), Score(by_script=True))
        evaluations: EvaluationCollector = self._session.options["evaluations"]
        if score.by_script and (right is not None or output.numel() == target.numel()):
            evaluations.hit(score, right if right is not None else equal * output.numel(), target.numel())

    def _comparison(
        self, label: _Derived, target: torch.Tensor, output: torch.Tensor, site: Site | None
    ) -> _Comparison | None:
        key = (str(site), str(label.op))
        found = self._comparisons.get(key)
        if found is not None and found.owner is self._watched:
            return found
        if self._watched is None or (found is None and len(self._comparisons) >= MAX_SITES):
            return None
        record = {
            **place(site), **place(label.site, "op_"),
            "phase": self._watched.record["phase"], "op": label.op, "dim": label.dim,
            "classes_dim": self._classes_dim(label, target), "prediction_shape": list(label.tensor.shape),
            "target_shape": list(target.shape), "broadcast": label.tensor.shape != target.shape
            and output.numel() > target.numel(), "split": self._split(),
        }  # fmt: skip
        self._comparisons[key] = _Comparison(record, self._watched)
        return self._comparisons[key]

    def _split(self) -> str | None:
        trained_on = self._session.options.get("trained_on")
        return trained_on(self._batch) if trained_on is not None and self._batch is not None else None

    def _classes_dim(self, label: _Derived, target: torch.Tensor) -> int | None:
        """Axis of the classes in what the labels were made from."""
        if label.scores is None or label.op not in ("argmax", "max") or self._batch is None:
            return None
        shape = list(label.scores.shape)
        if len(shape) == 1:
            return 0
        size, dims = self._classes.get(self._batch.model, (None, 0))
        if size is None:
            fits = [d for d in range(len(shape)) if label.scores.numel() == target.numel() * shape[d]]
        else:
            fits = [d for d, s in enumerate(shape) if s == size]
        if len(fits) == 1:
            return fits[0]
        if len(shape) == 2 and 1 in fits:
            return 1
        if size is None or not fits:
            return None
        wanted = 1 if dims == len(shape) else len(shape) - 1
        return wanted if wanted in fits else None

    def _right(self, label: _Derived, target: torch.Tensor, axis: int | None) -> float | None:
        """Hits on this batch as they should be counted; None where that is not known."""
        scores = label.scores
        if scores is None:
            return None
        if label.op in ("argmax", "max"):
            if axis is None:
                return None
            predicted = scores.detach().argmax(axis)
        else:
            meaning = "probabilities" if label.squashed == "sigmoid" else self._meaning(label)
            if meaning is None:
                return None
            predicted = scores.detach() > (0.5 if meaning == "probabilities" else 0.0)
            target = target.detach()
            if int(target.min()) < 0 or int(target.max()) > 1:
                return None
            target = target > 0.5
        if [s for s in predicted.shape if s != 1] != [s for s in target.shape if s != 1]:
            return None
        return float((predicted.reshape(-1) == target.detach().reshape(-1)).sum())

    def _meaning(self, label: _Derived) -> str | None:
        if label.squashed is not None or self._batch is None:
            return None
        return self._binary.get(self._batch.model)

    def _summed(self, table: torch.Tensor, output: Any) -> None:
        """The script adds up its hits: over a broadcast table that is more than there are targets."""
        _, comparison, count = self._counted.pop(id(table))
        if isinstance(output, torch.Tensor) and output.numel() == 1 and table.numel() > count:
            comparison.equal += float(output) * (table.numel() / count - 1)

    def on_finish(self, _ended: str) -> None:
        self._ended = True

    def on_report(self, _: None) -> None:
        self._session.recorder.facts("predicted_labels", self._labels.records())
        records = [_record(c) for c in self._comparisons.values() if c.compared]
        if records:
            self._session.recorder.facts("metrics", records)
        elif self._ended:
            reason = "no comparison of predictions with targets was seen in an evaluation"
            self._session.recorder.missing("metrics", reason)


def _record(seen: _Comparison) -> dict[str, Any]:
    right = seen.right / seen.wanted if seen.right is not None and seen.wanted else None
    return (
        seen.record
        | {"compared": seen.compared, "value": seen.equal / seen.compared, "correct_value": right}
        | ({"target_counts": seen.counts} if seen.counts else {})
    )


def _added(counts: list[int], target: torch.Tensor) -> list[int]:
    """The counts of the classes with those of a further batch; unchanged where the targets are no classes."""
    flat = target.detach().reshape(-1)
    if flat.is_floating_point() or flat.is_complex() or int(flat.min()) < 0 or int(flat.max()) >= MAX_COUNTED:
        return counts
    more = torch.bincount(flat.long(), minlength=len(counts)).tolist()
    return [a + b for a, b in zip(more, counts + [0] * (len(more) - len(counts)), strict=True)]


def _compiling() -> bool:
    """Something was compiled: a mode would make PyTorch compile it again."""
    dynamo = sys.modules.get("torch._dynamo.utils")
    return bool(dynamo is not None and dynamo.counters["frames"].get("total", 0))


class MetricWindow:
    """Opens and closes the window; a part of its own, so that it is closed whatever happens in the other."""

    part = "metric window"

    def __init__(self, session: Session) -> None:
        session.options["metric_window"] = self
        self._mode = _Mode(self)
        self._open = False
        self._thread = threading.get_ident()
        self.collector: MetricCollector | None = None

    def enter(self) -> None:
        """Put the mode under all others: those are left by the user in an order that it must not disturb."""
        if self._open:
            return
        self._open = True
        above = []
        while torch._C._len_torch_function_stack() > 0:
            above.append(torch._C._pop_torch_function_stack())
        torch._C._push_on_torch_function_stack(self._mode)
        for other in reversed(above):
            torch._C._push_on_torch_function_stack(other)

    def close(self) -> None:
        """Take the mode away again; later if a function that it watches is still running (`Tensor.backward`)."""
        if not self._open or threading.get_ident() != self._thread:
            return
        if self.collector is not None:
            self.collector.forget()
        if not self._mode.running:
            self._open = False
            _leave(self._mode)

    def on_call_begin(self, _event: Call) -> None:
        self.close()

    def on_backward_begin(self, _event: Backward) -> None:
        self.close()

    def on_step_begin(self, _event: Step) -> None:
        self.close()

    def on_finish(self, _ended: str) -> None:
        self.close()


class _Mode(TorchFunctionMode):
    """Lets every function run as it would, then tells the collector."""

    def __init__(self, window: MetricWindow) -> None:
        super().__init__()
        self._window = window
        self.running = 0  # PyTorch takes the mode off its stack meanwhile, and puts it back afterwards

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        self.running += 1
        try:
            output = func(*args, **kwargs)
        finally:
            self.running -= 1
        if self._window.collector is not None:
            self._window.collector.observe(func, args, kwargs, output)
        return output
