"""What enters the models. Records `inputs`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from netvet.capture.site import Site
from netvet.capture.torch_batches import FUNCTIONS, BatchTracker
from netvet.capture.torch_events import Call, LossCall, Session
from netvet.capture.torch_order import place
from netvet.capture.torch_origins import batch_site, data_site
from netvet.capture.torch_tensors import MAX_COMPARED, MAX_DISTINCT, Budget, is_plain, numbers, summary

MAX_INPUTS = 64
# The contract of the signal: features listed, features watched for never varying.
MAX_LISTED, MAX_FEATURES = 256, 100_000
CLOSE_CALLS = 10
MAX_INDICES = 10
# Graphs of scripts without modules are small.
MAX_DEPTH, MAX_NODES = 200, 2_000
# Where layers save their input: the attribute of the node, and which operand it is.
_SAVED = {
    "Mm": (("_saved_self", 0), ("_saved_mat2", 1)),
    "Addmm": (("_saved_mat1", 1), ("_saved_mat2", 2)),
    "Bmm": (("_saved_self", 0), ("_saved_mat2", 1)),
    "Mv": (("_saved_self", 0),),
    "Convolution": (("_saved_input", 0),),
}
# Fewer samples cannot show that a feature never varies.
MIN_SAMPLES = 16
SHARE, GRACE = 0.005, 0.15


@dataclass(slots=True)
class _Seen:
    """What was seen of one input of one model in one phase."""

    record: dict[str, Any]
    calls: int = 0
    samples: int = 0
    n: float = 0.0
    total: float = 0.0
    squares: float = 0.0
    rows: float = 0.0
    measured: int = 0
    feature_sum: torch.Tensor | None = None
    feature_squares: torch.Tensor | None = None
    low: torch.Tensor | None = None
    high: torch.Tensor | None = None
    embeddings: dict[str, Any] = field(default_factory=dict)


class InputCollector:
    """Records `inputs`."""

    part = "inputs"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: dict[tuple[str, str, str], _Seen] = {}
        self._roots: set[str] = set()
        self._budget = Budget(SHARE, GRACE)
        self._handles: list[Any] = []
        self._ended = self._called = False

    def on_call_begin(self, event: Call) -> None:
        self._called = True
        tracker: BatchTracker = self._session.options["batches"]
        batch = tracker.batch
        if batch is None:
            return
        if not batch.path:
            self._roots.add(batch.model)
        elif batch.model in self._roots:
            return
        known = any(key[0] == batch.model and key[2] == "train" for key in self._seen)
        phase = "train" if batch.phase == "train" or (batch.trains and not known) else "eval"
        if phase == "eval" and batch.loader is not None and "train" in batch.loader.phases:
            return  # scored on the training data: what validation data look like is not seen there
        for name, tensor in batch.inputs.items():
            if not tensor.dim():
                continue  # a number for the whole batch, such as how many tokens it has, is no data
            key = (batch.model, f"{batch.path}.{name}" if batch.path else name, phase)
            known = key in self._seen
            self._input(key, tensor, batch.axis, batch.site)
            if not known and key in self._seen:
                self._trace(self._seen[key], tensor, event)

    def on_loss(self, event: LossCall) -> None:
        """A script without modules: what enters its first layer is found in the graph of the loss."""
        look = self._session.deep and self._budget.left
        if self._called or event.input.grad_fn is None or not look:
            return
        tensor = data_in_graph(event.input.grad_fn)
        if tensor is not None:
            self._input((FUNCTIONS, "input", "train"), tensor, 0, event.site)

    def _input(self, key: tuple[str, str, str], tensor: torch.Tensor, axis: int, site: Site | None) -> None:
        seen = self._seen.get(key)
        if seen is None:
            if len(self._seen) >= MAX_INPUTS:
                return
            seen = self._seen[key] = _describe(key, tensor, axis, site)
        seen.calls += 1
        seen.samples += int(tensor.shape[axis]) if tensor.dim() > axis else 1
        first = seen.calls <= CLOSE_CALLS
        if (first or self._session.deep) and self._budget.left and is_plain(tensor) and tensor.numel():
            with self._budget:
                _measure(seen, tensor, axis, self._session.step)

    def _trace(self, seen: _Seen, tensor: torch.Tensor, event: Call) -> None:
        if not tensor.is_floating_point() and not tensor.is_complex() and not hasattr(event.module, "_orig_mod"):
            self._handles += _watch_embeddings(event.module, tensor, seen.embeddings)

    def on_call_end(self, _event: Call) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def on_finish(self, _ended: str) -> None:
        self._ended = True

    def on_report(self, _: None) -> None:
        if self._seen:
            self._session.recorder.facts("inputs", [_result(seen) for seen in self._seen.values()])
        elif self._ended:
            self._session.recorder.missing("inputs", "no model was called with a tensor")


def _describe(key: tuple[str, str, str], tensor: torch.Tensor, axis: int, site: Site | None) -> _Seen:
    model, name, phase = key
    written = model == FUNCTIONS  # the call of a function is not what made the data
    position = int(name) if name.isdigit() else 0 if written else name
    record = {
        "model": model, "position": int(name) if name.isdigit() else name, "phase": phase, **place(site),
        **place(data_site(position, aim=None if written else "values"), "data_"),
        **place(data_site(position, aim=None if written else "scale"), "scale_"),
        **place(None if written else data_site(position, aim="origin"), "origin_"),
        **place(data_site(position, aim=None if written else "choice"), "chosen_"),
        **place(None if written else batch_site(position), "batch_"), **place(data_site(position, aim=None), "given_"),
        "batch": int(tensor.shape[axis]) if tensor.dim() > axis else None, "first_nonfinite_step": None,
        "first_nonfinite_samples": None, "embedding_rows": None, "non_embedding": None,
    }  # fmt: skip
    return _Seen(record | summary(tensor) | {"nonfinite": 0})


def data_in_graph(root: Any) -> torch.Tensor | None:
    """The tensor without gradient that enters the layer farthest from the loss, as the graph has saved it."""
    level, seen, found = [root], {root}, None
    for _ in range(MAX_DEPTH):
        following: list[Any] = []
        for node in level:
            name = str(node.name()).partition("Backward")[0]
            for attribute, operand in _SAVED.get(name, ()):
                if node.next_functions[operand][0] is None:
                    saved = getattr(node, attribute, None)
                    found = saved if isinstance(saved, torch.Tensor) else found
            fresh = [n for n, _ in node.next_functions if n is not None and n not in seen]
            seen.update(fresh)
            following += fresh
        level = following
        if not level or len(seen) > MAX_NODES:
            break
    return found


def _watch_embeddings(module: nn.Module, tensor: torch.Tensor, found: dict[str, Any]) -> Iterator[Any]:
    """During this one call, see which embedding the input reaches: the same values, whole or a part of them."""
    storage, size = _pointer(tensor), tensor.numel()

    def hook(layer: nn.Embedding, args: tuple[Any, ...]) -> None:
        try:
            ids = args[0] if args else None
            if "rows" in found or not is_plain(ids):
                return
            if _pointer(ids) == storage or (
                ids.numel() == size and torch.equal(ids.reshape(-1).long(), tensor.reshape(-1).long())
            ):
                found["rows"] = layer.num_embeddings
        except Exception:  # inside the user's forward pass nothing may be raised
            return

    for layer in module.modules():
        if isinstance(layer, (nn.Embedding, nn.EmbeddingBag)):
            yield layer.register_forward_pre_hook(hook)


def _pointer(tensor: torch.Tensor) -> int:
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):
        return id(tensor)


def _measure(seen: _Seen, tensor: torch.Tensor, axis: int, step: int) -> None:
    record, values = seen.record, numbers(tensor)
    good = torch.isfinite(values)
    bad = values.numel() - int(good.sum())
    if bad:
        record["nonfinite"] += bad
        if record["first_nonfinite_step"] is None:
            record["first_nonfinite_step"] = step
            record["first_nonfinite_samples"] = _bad_samples(tensor, axis)
        _bad_features(seen, tensor, axis)
        values = values[good]
        if values.numel() == 0:
            return
    low, high = torch.aminmax(values)
    integral = (values == values.round()).all().double()
    parts = torch.stack((low, high, values.sum(), values.square().sum(), integral)).tolist()
    record["min"] = min(record.get("min", parts[0]), parts[0])
    record["max"] = max(record.get("max", parts[1]), parts[1])
    record["integral"] = bool(record.get("integral", True) and parts[4])
    seen.n, seen.total, seen.squares = seen.n + values.numel(), seen.total + parts[2], seen.squares + parts[3]
    if seen.calls <= CLOSE_CALLS:
        distinct = min(int(torch.unique(numbers(tensor, MAX_COMPARED)).numel()), MAX_DISTINCT)
        record["distinct"] = max(record.get("distinct", 0), distinct)
    if not bad and tensor.dim() > axis + 1 and not tensor.is_complex():
        _features(seen, tensor.detach().movedim(axis, 0))


def _bad_samples(tensor: torch.Tensor, axis: int) -> list[int]:
    if tensor.dim() <= axis:
        return [0]
    rows = tensor.detach().movedim(axis, 0).reshape(tensor.shape[axis], -1)
    return [int(i) for i in (~torch.isfinite(rows)).any(1).nonzero().reshape(-1)[:MAX_INDICES].tolist()]


def _bad_features(seen: _Seen, tensor: torch.Tensor, axis: int) -> None:
    """Count what is not finite in each column of samples that are rows of numbers."""
    if tensor.dim() == 2 and axis == 0 and tensor.shape[1] <= MAX_LISTED:
        counts = (~torch.isfinite(tensor.detach())).sum(0).tolist()
        before = seen.record.get("nonfinite_features") or [0] * len(counts)
        if len(before) == len(counts):
            seen.record["nonfinite_features"] = [a + b for a, b in zip(before, counts, strict=True)]


def _features(seen: _Seen, rows: torch.Tensor) -> None:
    """Take in mean and std of each feature or channel, and the range of each element of a sample."""
    axis = 1 if rows.dim() >= 4 or rows.dim() == 2 else rows.dim() - 1
    if rows.shape[axis] <= MAX_LISTED and rows.is_floating_point():
        others = [d for d in range(rows.dim()) if d != axis]
        wide = rows.double()
        sums, squares = wide.sum(others).cpu(), wide.square().sum(others).cpu()
        if seen.feature_sum is None or seen.feature_squares is None or seen.feature_sum.shape != sums.shape:
            seen.feature_sum, seen.feature_squares, seen.rows = torch.zeros_like(sums), torch.zeros_like(sums), 0.0
        seen.feature_sum, seen.feature_squares = seen.feature_sum + sums, seen.feature_squares + squares
        seen.rows += rows.numel() / rows.shape[axis]
    seen.measured += rows.shape[0]
    flat = (rows.byte() if rows.dtype is torch.bool else rows).reshape(rows.shape[0], -1)[:, :MAX_FEATURES]
    low, high = (v.cpu() for v in torch.aminmax(flat, dim=0))
    if seen.low is None or seen.high is None:
        seen.low, seen.high = low.clone(), high.clone()
    elif seen.low.shape == low.shape:
        seen.low, seen.high = torch.minimum(seen.low, low), torch.maximum(seen.high, high)
    else:  # the samples vary in length: there are no fixed features
        seen.record["constant_features"] = seen.record["features"] = None
        seen.low, seen.high = low[:0], high[:0]


def _result(seen: _Seen) -> dict[str, Any]:
    record = dict(seen.record)
    record["samples"] = seen.samples
    if seen.n:
        mean = seen.total / seen.n
        record |= {"mean": mean, "std": max(seen.squares / seen.n - mean**2, 0.0) ** 0.5}
    if seen.feature_sum is not None and seen.feature_squares is not None and seen.rows:
        means = seen.feature_sum / seen.rows
        stds = (seen.feature_squares / seen.rows - means.square()).clamp(min=0).sqrt()
        record |= {"feature_mean": means.tolist(), "feature_std": stds.tolist()}
    if seen.low is not None and seen.high is not None and seen.low.numel() and seen.measured >= MIN_SAMPLES:
        record |= {"constant_features": int((seen.low == seen.high).sum()), "features": seen.low.numel()}
    if "rows" in seen.embeddings:
        record |= {"embedding_rows": seen.embeddings["rows"], "non_embedding": False}
    return record
