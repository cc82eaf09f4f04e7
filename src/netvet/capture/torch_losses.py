"""What the loss functions are given, and whether their values reach backward. Records `losses`."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch

from netvet.capture.site import Site
from netvet.capture.torch_batches import Batch, BatchTracker
from netvet.capture.torch_events import Backward, Call, LossCall, Session, Step
from netvet.capture.torch_order import place
from netvet.capture.torch_origins import calling_module, data_site, origins_of
from netvet.capture.torch_tensors import (
    BINARY_LOSSES,
    CLASS_LOSSES,
    REGRESSION_LOSSES,
    Budget,
    class_axis,
    is_plain,
    labels,
    numbers,
    outputs,
    summary,
)

MAX_SITES = 200
MAX_CLASSES = 1_000
MAX_WEIGHTS = 1_000
# Loss calls that may wait for a backward call within one step, and values kept for a median.
MAX_WAITING, MAX_SHARES = 256, 200
# All calls up to here are looked at closely, later ones on deep steps as far as the budget goes.
CLOSE_CALLS = 3
SHARE, GRACE = 0.005, 0.15
# Rows of probabilities sum to one within rounding: 50,000 float32 classes stay below 1e-4, half precision does not.
ROUNDING, HALF_ROUNDING = 1e-4, 1e-2
# Nodes that hand values on as they are: the op that made the loss's input is looked for behind them.
_VIEWS = (
    "View", "UnsafeView", "ReshapeAlias", "Squeeze", "Unsqueeze", "Transpose", "T", "Permute", "Select", "Slice",
    "Clone", "ToCopy", "Alias", "Expand", "Index", "IndexSelect", "Split", "Unbind", "Chunk", "Flatten", "AsStrided",
)  # fmt: skip
# Of these, such as leave some values out.
_PARTS = ("Select", "Slice", "Expand", "Index", "IndexSelect", "Split", "Unbind", "Chunk", "AsStrided")
LossKey = tuple[str, str, str, int]
_NAMES = {"addmm": "linear", "bmm": "matmul", "mm": "matmul", "linear": "linear", "addmv": "linear"}


@dataclass(slots=True)
class _Seen:
    """What was seen at one call site in one phase."""

    record: dict[str, Any]
    calls: int = 0
    low: float | None = None
    high: float | None = None
    looked: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    ignored: list[int] = field(default_factory=lambda: [0, 0])
    counts: torch.Tensor | None = None
    zero_gradients: list[float] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    factors: list[float] = field(default_factory=list)


def loss_phase(event: LossCall, batch: Batch | None) -> str:
    """`train`, `eval`, or `eval-mode-grad` where only a backward call can tell."""
    if not event.grad:
        return "eval"
    if event.output.requires_grad:
        return "eval-mode-grad" if batch is not None and batch.phase == "eval-mode-grad" else "train"
    return "eval" if batch is not None and not batch.trains else "train"


def loss_key(event: LossCall, phase: str) -> LossKey:
    """What makes a loss call one of its own: several functions, or several heads, may share a line."""
    count = outputs(event) or 0
    if event.input.dim() and event.input.shape[0] == count:
        count = 0  # classes that are the samples of the batch, which may vary in number
    return site_name(event.site), phase, event.function, count


@lru_cache(maxsize=1_000)
def site_name(site: Site | None) -> str:
    """How a call site is named in signals."""
    return str(site or "?")


class LossCollector:
    """Records `losses`."""

    part = "losses"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: dict[LossKey, _Seen] = {}
        self._waiting: list[tuple[_Seen, int, float | None, int]] = []
        self._handles: list[Any] = []
        self._budget = Budget(SHARE, GRACE)
        self._ended = False

    def on_hand_loss(self, event: LossCall) -> None:
        self.on_loss(event)

    def on_loss(self, event: LossCall) -> None:
        tracker: BatchTracker = self._session.options["batches"]
        key = loss_key(event, loss_phase(event, tracker.batch))
        seen = self._seen.get(key)
        if seen is None:
            if len(self._seen) >= MAX_SITES:
                return
            seen = self._seen[key] = _Seen(self._describe(event, key, tracker.batch))
        seen.calls += 1
        close = seen.calls <= CLOSE_CALLS or (self._session.deep and self._budget.left)
        value = None
        if close or event.output.device.type == "cpu":
            value = _value(event)
            self._extend(seen, value)
        if close:
            with self._budget:
                _look(seen, event)
        if event.output.requires_grad:
            self._wait(seen, event, value)

    def _extend(self, seen: _Seen, value: float | None) -> None:
        if value is not None and value == value:
            seen.low = value if seen.low is None else min(seen.low, value)
            seen.high = value if seen.high is None else max(seen.high, value)

    def _describe(self, event: LossCall, key: LossKey, batch: Batch | None) -> dict[str, Any]:
        given = event.arguments
        ignore = given.get("ignore_index") if event.function in ("cross_entropy", "nll_loss") else None
        first, target = event.input, event.target
        elementwise = event.function in (*REGRESSION_LOSSES, *BINARY_LOSSES, "kl_div", "hinge_embedding_loss")
        record = {
            "site": key[0], **place(event.site), "function": event.function, "phase": key[1],
            "first_step": self._session.step, "input": summary(first), "target": summary(target),
            "reduction": given.get("reduction"), "weight": _listed(given.get("weight")),
            "pos_weight": _listed(given.get("pos_weight")), "label_smoothing": given.get("label_smoothing"),
            "ignore_index": ignore, "first_value": _value(event),
            "classes": outputs(event), "broadcast": elementwise and first.shape != target.shape,
            "feeds_backward": False, "in_training_step": event.grad and (batch is None or batch.phase == "train"),
            "input_requires_grad": first.requires_grad, "target_requires_grad": target.requires_grad,
            "batch": int(first.shape[0]) if first.dim() else None, "own_target": event.own_target,
        }  # fmt: skip
        module = calling_module()
        made = origins_of(self._session).modules.get(module) if module is not None else None
        record |= place(made, "created_") | place(data_site(1, "target"), "target_")
        record |= place(data_site(1, "target", aim="scale"), "scale_")
        record |= place(data_site(1, "target", aim="pairing"), "paired_")
        return record | self._origin(first)

    def _origin(self, tensor: torch.Tensor) -> dict[str, Any]:
        """The op that made the input of the loss, from the graph."""
        record: dict[str, Any] = {"input_op": None, "input_file": None, "input_line": None, "input_dim": None}
        node, viewed, whole = tensor.grad_fn, False, True
        product = None  # of three axes: the view of it is what the user's line gave
        while node is not None and _op(node) in _VIEWS and node.next_functions:
            whole = whole and _op(node) not in _PARTS
            product = node if _op(node) == "UnsafeView" else None
            node, viewed = node.next_functions[0][0], True
        if node is None:
            return record
        name = _snake(_op(node))
        if name == "add" and any(
            n is not None and _op(n) in ("Mm", "Bmm", "UnsafeView") for n, _ in node.next_functions
        ):
            name = "linear"  # a matrix product of more than two axes and its bias
        record["input_op"] = _NAMES.get(name, name)
        dim = getattr(node, "_saved_dim", None)
        if isinstance(dim, int):
            dim = dim - 2**64 if dim >= 2**63 else dim
            record["input_dim"] = dim + tensor.dim() if dim < 0 and not viewed else dim
            record["input_reshaped"] = viewed and whole
        recorder = self._session.options.get("step_recorder")
        origins = recorder.origins if recorder is not None else {}
        origin = origins.get(node) or origins.get(product)
        site: Site | None = origin.site if origin is not None else None
        created = origin.created if origin is not None else None
        return record | place(site, "input_") | place(created, "input_created_")

    def _wait(self, seen: _Seen, event: LossCall, value: float | None) -> None:
        node = event.output.grad_fn
        if node is not None and len(self._waiting) < MAX_WAITING:
            # Not the node itself, which would keep the graph: its number is its own as well.
            self._waiting.append((seen, _number(node), value, event.sign))
        if seen.calls <= CLOSE_CALLS and event.input.grad_fn is not None and event.input.dim():
            self._handles.append(event.input.register_hook(lambda grad: _note_zero(seen, grad)))  # type: ignore[no-untyped-call]

    def on_backward_begin(self, event: Backward) -> None:
        loss = event.loss
        if not self._waiting or loss is None or loss.grad_fn is None:
            return
        wanted = {number: (seen, value, sign) for seen, number, value, sign in self._waiting}
        total = (
            float(loss.detach()) if loss.numel() == 1 and (loss.device.type == "cpu" or self._session.deep) else None
        )
        for number, factor in _reached(loss.grad_fn, set(wanted)):
            seen, value, sign = wanted[number]
            seen.record["feeds_backward"] = seen.record["in_training_step"] = True
            if factor is None or len(seen.factors) >= MAX_SHARES:
                continue
            seen.factors.append(sign * factor / event.scale)
            if total and value is not None:
                seen.shares.append(value * sign * factor / total)

    def on_backward_end(self, _event: Backward) -> None:
        self._release()

    def on_call_begin(self, _event: Call) -> None:
        if len(self._handles) > CLOSE_CALLS:
            self._release()

    def on_step_end(self, _event: Step) -> None:
        self._waiting.clear()
        self._release()

    def on_finish(self, _ended: str) -> None:
        self._ended = True
        self._release()

    def _release(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def on_report(self, _: None) -> None:
        records: dict[LossKey, dict[str, Any]] = {}
        for key, seen in self._seen.items():
            record = _result(seen)
            if record["phase"] == "eval-mode-grad":
                record["phase"] = "train" if record["feeds_backward"] else "eval"
            records.setdefault((key[0], record["phase"], *key[2:]), record)
        if records:
            self._session.recorder.facts("losses", list(records.values()))
        elif self._ended:
            self._session.recorder.missing("losses", "no loss function of torch.nn.functional was called")


def _value(event: LossCall) -> float | None:
    mean = _mean(event.output)
    return None if mean is None else event.sign * mean


def _mean(output: torch.Tensor) -> float | None:
    if output.numel() == 1:
        return float(output.item())
    return float(output.detach().mean()) if output.numel() else None


def _listed(value: Any) -> list[float] | None:
    if isinstance(value, torch.Tensor) and is_plain(value) and value.numel() <= MAX_WEIGHTS:
        return [float(v) for v in value.detach().reshape(-1).tolist()]
    return None


def _op(node: Any) -> str:
    name = str(node.name())
    return name.rpartition("Backward")[0] or name


def _snake(name: str) -> str:
    return "".join("_" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(name))


def _note_zero(seen: _Seen, grad: torch.Tensor) -> None:
    try:
        if is_plain(grad) and grad.numel():
            rows = grad.detach().reshape(grad.shape[0], -1)
            seen.zero_gradients.append(float((rows == 0).all(1).double().mean()))
    except Exception:  # inside the user's backward pass nothing may be raised
        return


def _look(seen: _Seen, event: LossCall) -> None:
    """Measure the arguments of one call."""
    first, target = event.input.detach(), event.target.detach()
    if not is_plain(first) or not is_plain(target) or first.numel() == 0 or not first.is_floating_point():
        return
    seen.looked += 1
    values = numbers(first)
    _add(seen, "in_unit_interval", ((values >= 0) & (values <= 1)).all())
    _add(seen, "positive_share", (values > 0).double().mean())
    axis = class_axis(event)
    if axis is not None and first.shape[axis] > 1:
        _add(seen, "rows_sum_to_one", _are_probabilities(first, axis))
        _add(seen, "rows_are_log_probabilities", _are_log_probabilities(first, axis))
    _count(seen, event)


def _add(seen: _Seen, name: str, value: torch.Tensor) -> None:
    seen.sums[name] = seen.sums.get(name, 0.0) + float(value)


def _are_probabilities(values: torch.Tensor, axis: int) -> torch.Tensor:
    rounding = ROUNDING if values.dtype in (torch.float32, torch.float64) else HALF_ROUNDING
    sums = values.double().sum(axis)
    inside = (values.amin(axis) >= 0) & (values.amax(axis) <= 1 + rounding)
    return (inside & ((sums - 1).abs() < rounding)).double().mean()


def _are_log_probabilities(values: torch.Tensor, axis: int) -> torch.Tensor:
    rounding = ROUNDING if values.dtype in (torch.float32, torch.float64) else HALF_ROUNDING
    return (torch.logsumexp(values.double(), axis).abs() < rounding).double().mean()


def _count(seen: _Seen, event: LossCall) -> None:
    """Targets per class, and those that are ignored."""
    classes, target = outputs(event), event.target
    ignored = event.arguments.get("ignore_index") if event.function in ("cross_entropy", "nll_loss") else None
    if ignored is not None and not target.is_floating_point():
        seen.ignored[0] += int((target == ignored).sum())
        seen.ignored[1] += target.numel()
    if classes is None or classes > MAX_CLASSES or event.function not in (*CLASS_LOSSES, *BINARY_LOSSES):
        return
    classes = 2 if event.function in BINARY_LOSSES else classes
    found = labels(event)
    if found is None or found.numel() == 0 or bool((found < 0).any()) or bool((found >= classes).any()):
        return
    counts = torch.bincount(found.long(), minlength=classes).cpu()
    if seen.counts is None or len(seen.counts) == len(counts):
        seen.counts = counts if seen.counts is None else seen.counts + counts


def _reached(root: Any, wanted: set[int]) -> Iterator[tuple[int, float | None]]:
    """The wanted nodes on the way down from the loss, with what they are multiplied by (None: not seen)."""
    lowest = min(wanted)
    queue: list[tuple[Any, float | None]] = [(root, 1.0)]
    found: dict[int, float | None] = {}
    visited = 0
    while queue and visited < 10_000:
        node, factor = queue.pop()
        visited += 1
        number = _number(node)
        if number < lowest:
            continue  # made before every loss call
        if number in wanted:
            found[number] = factor if number not in found else None
            continue
        following = node.next_functions
        factors = _factors(node, len(following), factor)
        queue += [(n, f) for (n, _), f in zip(following, factors, strict=True) if n is not None]
    yield from found.items()


def _factors(node: Any, count: int, factor: float | None) -> list[float | None]:
    """What each input of a node contributes to the loss is multiplied by."""
    name = _op(node)
    if factor is None:
        return [None] * count
    if name in ("Add", "Sub") and count == 2:
        return [factor, factor * float(node._saved_alpha) * (1.0 if name == "Add" else -1.0)]
    if name in ("Mean", "View", "Squeeze", "Unsqueeze", "ToCopy", "Clone", "Alias"):
        return [factor] * count
    if name == "Neg":
        return [-factor] * count
    if name in ("Mul", "Div") and sum(n is not None for n, _ in node.next_functions) == 1:
        other = _other(node)
        if other is not None and other != 0:
            return [factor * other if name == "Mul" else factor / other] * count
    return [None] * count


def _number(node: Any) -> int:
    try:
        return int(node._sequence_nr())
    except AttributeError:  # a node written in Python
        return 2**63


def _other(node: Any) -> float | None:
    for name in ("_saved_other", "_saved_self"):
        try:
            value = getattr(node, name, None)
        except RuntimeError:  # changed in place since, or freed
            return None
        if isinstance(value, torch.Tensor) and value.numel() == 1 and value.device.type == "cpu":
            return float(value.detach())
        if isinstance(value, (int, float)):
            return float(value)
    return None


def _result(seen: _Seen) -> dict[str, Any]:
    record = dict(seen.record)
    record |= {"calls": seen.calls, "value_min": seen.low, "value_max": seen.high}
    for name in ("rows_sum_to_one", "rows_are_log_probabilities", "positive_share"):
        record[name] = seen.sums[name] / seen.looked if name in seen.sums else None
    record["in_unit_interval"] = seen.sums["in_unit_interval"] == seen.looked if seen.looked else None
    record["counts"] = None if seen.counts is None else seen.counts.tolist()
    record["ignored_share"] = seen.ignored[0] / seen.ignored[1] if seen.ignored[1] else None
    record["zero_gradient_share"] = statistics.fmean(seen.zero_gradients) if seen.zero_gradients else None
    record["share"] = statistics.median(seen.shares) if seen.shares else None
    record["factor"] = statistics.median(seen.factors) if seen.factors else None
    return record
