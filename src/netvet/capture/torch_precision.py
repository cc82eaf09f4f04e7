"""Low precision, and replicas of distributed runs."""

from __future__ import annotations

import statistics
import zlib
from collections import deque
from typing import Any

import torch
from torch import nn

from netvet.capture.torch_events import Backward, Call, Happening, Session, Step
from netvet.capture.torch_models import unwrapped
from netvet.capture.torch_order import place
from netvet.capture.torch_parameters import as_floats, local
from netvet.capture.torch_sampling import spread
from netvet.capture.torch_tensors import is_plain, tensors_in

MAX_SHARES, MAX_NODES = 1_000, 5_000
# Replicas that drift apart do so at the first step; the later ones show those that drift through rare branches.
HASHED_STEPS = frozenset(digit * 10**power for power in range(5) for digit in (1, 2, 5))
MAX_HASHED = 1_000_000
# Steps whose inputs are compared over the ranks, and of how many tensors parameters are hashed.
INPUT_STEPS, MAX_TENSORS = (0, 1, 2), 200


class PrecisionCollector:
    """Records `precision`."""

    part = "precision"
    sampled = True

    def __init__(self, session: Session) -> None:
        self._session = session
        self._autocast: tuple[str, torch.dtype] | None = None
        self._place: dict[str, Any] = {"file": None, "line": None}
        self._half = False
        self._by_hand: bool | None = None
        self._scaled = False
        self._dtypes: dict[str, int] = {}
        self._shares: deque[float] = deque(maxlen=MAX_SHARES)

    def on_call_begin(self, event: Call) -> None:
        session = self._session
        if event.phase not in ("train", "eval-mode-grad") or not session.deep:
            return
        first = next(event.module.parameters(), None)
        device = first.device.type if first is not None else "cpu"
        if self._autocast is None and device != "meta" and torch.is_autocast_enabled(device):
            self._autocast = (device, torch.get_autocast_dtype(device))
            self._place = place(event.site)
        half = first is not None and first.dtype == torch.float16
        if half and not self._half and self._autocast is None:
            self._place = place(event.site)
        self._half = self._half or half or (self._autocast is not None and self._autocast[1] == torch.float16)

    def on_backward_begin(self, event: Backward) -> None:
        if self._by_hand is None and self._autocast is None and not self._half:
            self._by_hand = _computes_in_half(event.loss)
            if self._by_hand:
                self._half, self._place = True, place(event.site)

    def on_scaler(self, _event: Happening) -> None:
        self._scaled = True

    @torch.no_grad()
    def on_step_begin(self, event: Step) -> None:
        if not self._session.deep:
            return
        if not self._dtypes:
            self._count_dtypes()
        if not self._half:
            return
        held = (p.grad for group in event.optimizer.param_groups for p in group["params"])
        # Of casts, by hand or autocast, float16 gradients reach float32 parameters with their zeros, through matrices.
        cast = self._autocast is not None or self._by_hand
        low = [g for g in held if g is not None and (g.dtype == torch.float16 or (cast and g.dim() > 1))]
        values = [v for g in low if (v := local(g)) is not None]
        total = sum(v.numel() for v in values)
        if total:
            zeros = [(v == 0).sum() for v in values if not self._by_hand or _is_small(v)]
            self._shares.append(sum(as_floats(zeros)) / total)

    def _count_dtypes(self) -> None:
        for _, p, _ in self._session.models.parameters():
            name = str(p.dtype).removeprefix("torch.")
            self._dtypes[name] = self._dtypes.get(name, 0) + 1

    def on_report(self, _: None) -> None:
        if not self._dtypes:
            return
        record = {
            "autocast": str(self._autocast[1]).removeprefix("torch.") if self._autocast else None,
            "autocast_device": self._autocast[0] if self._autocast else None,
            "parameter_dtypes": self._dtypes,
            "half_without_scaler": self._half and not self._scaled,
            "underflow_share": statistics.median(self._shares) if self._shares else None,
            **self._place,
        }
        self._session.recorder.facts("precision", [record])


def _is_small(gradient: torch.Tensor) -> bool:
    """Most of what is not zero is below the normal numbers of float16: zeros beside larger ones have other reasons."""
    found = gradient[gradient != 0].abs()
    return not found.numel() or float(found.float().median()) < torch.finfo(torch.float16).tiny


def _computes_in_half(loss: torch.Tensor) -> bool:
    """Whether anything on the way to a loss was computed in float16."""
    queue, seen = [loss.grad_fn], {loss.grad_fn}
    while queue and len(seen) < MAX_NODES:
        node = queue.pop()
        if node is None:
            continue
        if any(m.dtype == torch.float16 for m in getattr(node, "_input_metadata", ())):
            return True
        following = [n for n, _ in node.next_functions if n is not None and n not in seen]
        seen.update(following)
        queue += following
    return False


def wrapper_of(model: nn.Module) -> str | None:
    """How a model is spread over processes."""
    names = {cls.__name__ for cls in type(model).__mro__}
    if "DistributedDataParallel" in names:
        return "DistributedDataParallel"
    return "FSDP" if names & {"FullyShardedDataParallel", "FSDPModule"} else None


def _hash(tensor: torch.Tensor) -> int:
    """The same number in every process, of evenly spread elements where there are many."""
    return zlib.crc32(spread(tensor.detach(), MAX_HASHED).cpu().contiguous().view(torch.uint8).numpy().tobytes())


class ReplicaCollector:
    """Records `replicas`, without a word to the other processes: a question could block them."""

    part = "replicas"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._record: dict[str, Any] | None = None

    def on_call_begin(self, event: Call) -> None:
        distributed = torch.distributed
        if event.phase != "train" or not distributed.is_available() or not distributed.is_initialized():
            return
        if self._record is None:
            self._record = {
                "world_size": distributed.get_world_size(), "rank": distributed.get_rank(), "wrapper": None,
                "raw_module_called": False, "differing": None, "first_step": None, "inputs": {}, **place(event.site),
            }  # fmt: skip
        self._hash_inputs(event)
        wrapper = wrapper_of(event.model)
        self._record["wrapper"] = self._record["wrapper"] or wrapper
        raw = event.module is not event.model and event.module is unwrapped(event.model)
        if wrapper == "DistributedDataParallel" and raw and not self._record["raw_module_called"]:
            self._record |= {"raw_module_called": True, "first_step": self._session.step, **place(event.site)}

    def _hash_inputs(self, event: Call) -> None:
        step, known = str(self._session.step), self._record["inputs"] if self._record else {}
        if self._session.step in INPUT_STEPS and step not in known:
            given = [_hash(t) for t in tensors_in((event.args, event.kwargs)) if is_plain(t) and t.numel()]
            if given:
                known[step] = zlib.crc32(repr(given).encode())

    def on_step_end(self, _event: Step) -> None:
        step = self._session.step
        if self._record is None or step not in HASHED_STEPS or self._record["wrapper"] == "FSDP":
            return
        found = {name: p for name, p, _ in self._session.models.parameters() if is_plain(p) and p.numel()}
        hashes = {name: _hash(p) for name, p in list(found.items())[:MAX_TENSORS]}
        self._record = {**self._record, "hashes": {**self._record.get("hashes", {}), str(step): hashes}}
        self.on_report(None)  # at once: a rank may be killed before the next report

    def on_report(self, _: None) -> None:
        if self._record is not None:
            self._session.recorder.facts("replicas", [self._record])
