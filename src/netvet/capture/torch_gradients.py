"""How gradients of successive steps agree, how noisy they are, and which of them are not finite."""

from __future__ import annotations

import math
import statistics
from collections import deque
from dataclasses import dataclass, field

import torch

from netvet.capture.torch_events import Call, Session, Step
from netvet.capture.torch_parameters import as_floats, local, named_parameters, sampled_gradient

# Pairs of successive gradients from which the noise scale is estimated, and how many are remembered.
MIN_PAIRS, MAX_PAIRS = 10, 200
# After so many steps with non-finite gradients only sampled steps are counted: the story is told.
MAX_BROKEN = 100


@dataclass
class _Last:
    """The sampled gradients of an optimizer's last step that is to be compared. `count`: its own steps."""

    key: str
    name: str
    count: int = 0
    at: int = -1
    gradients: dict[str, tuple[torch.Tensor, float]] = field(default_factory=dict)
    cosines: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_PAIRS))
    batches: deque[int] = field(default_factory=lambda: deque(maxlen=MAX_PAIRS))


class GradientCollector:
    """Records `grad_cosine` and `gradient_noise`.

    A sampled step keeps its gradients until the next step of the same optimizer, so that every pair is of
    adjacent steps. The cosine of all gradients together has the key `(all)`; further optimizers have their
    name in front of it.
    """

    part = "agreement of gradients"
    sampled = True

    def __init__(self, session: Session) -> None:
        self._session = session
        self._last: dict[str, _Last] = {}
        self._samples = 0
        self._unknown_size = False

    def on_call_end(self, event: Call) -> None:
        """Add up the samples that went into this step."""
        tracker = self._session.options.get("batches")
        batch = getattr(tracker, "batch", None)
        if event.phase not in ("train", "eval-mode-grad"):
            return
        if batch is None or batch.size is None:
            self._unknown_size = True
        elif batch.repeat == 1:
            self._samples += batch.size

    @torch.no_grad()
    def on_step_begin(self, event: Step) -> None:
        session = self._session
        samples, self._samples = self._samples, 0
        last = self._last.get(event.name)
        if last is None:
            key = f"{event.name} (all)" if self._last else "(all)"
            last = self._last[event.name] = _Last(key, event.name)
        last.count += 1
        wanted = bool(last.gradients) and last.at == last.count - 1
        if not wanted and not session.deep:
            last.gradients = {}
            return
        now = {} if event.skipped else self._gradients(event)
        if wanted and now:
            self._compare(last, now, samples)
        last.gradients = now if session.deep else {}
        last.at = last.count

    def _gradients(self, event: Step) -> dict[str, tuple[torch.Tensor, float]]:
        """Sampled gradients, each with the number of elements that one sampled element stands for."""
        found = {}
        for name, p in named_parameters(self._session, event):
            few = None if p.grad is None else sampled_gradient(p.grad)
            if few is not None and p.grad is not None:
                found[name] = (few / event.scale, max(1.0, p.grad.numel() / few.numel()))
        return found

    def _compare(self, last: _Last, now: dict[str, tuple[torch.Tensor, float]], samples: int) -> None:
        names, parts, weights = [], [], []
        for name, (new, weight) in now.items():
            old = last.gradients.get(name, (None, 0.0))[0]
            if old is None or old.shape != new.shape or old.device != new.device or old.dtype != new.dtype:
                continue
            a, b = old.reshape(-1), new.reshape(-1)
            names.append(name)
            weights.append(weight)
            parts += [torch.vdot(a, b).real, torch.vdot(a, a).real, torch.vdot(b, b).real]
        numbers = as_floats(parts)
        cosines: dict[str, float] = {}
        total = [0.0, 0.0, 0.0]
        for i, name in enumerate(names):
            three = numbers[3 * i : 3 * i + 3]
            total = [t + weights[i] * n for t, n in zip(total, three, strict=True)]
            self._put(cosines, name, *three)
        self._put(cosines, last.key, *total)
        if cosines:
            self._session.recorder.values(self._session.step, "grad_cosine", cosines)
        if last.key in cosines:
            last.cosines.append(cosines[last.key])
            last.batches.append(samples)

    @staticmethod
    def _put(cosines: dict[str, float], name: str, dot: float, first: float, second: float) -> None:
        size = math.sqrt(first) * math.sqrt(second) if first > 0 and second > 0 else 0.0
        if size > 0 and math.isfinite(size) and math.isfinite(dot):
            cosines[name] = max(-1.0, min(1.0, dot / size))

    def on_report(self, _: None) -> None:
        records = []
        for last in self._last.values():
            ratio = noise_ratio(list(last.cosines))
            # LBFGS walks far within one step: its gradients belong to different places.
            if ratio is None or last.name.startswith("LBFGS"):
                continue
            batch = None if self._unknown_size else round(statistics.median(last.batches)) or None
            scale = None if batch is None else ratio * batch
            records.append(
                {"optimizer": last.name, "batch": batch, "ratio": ratio, "scale": scale, "steps": len(last.cosines)}
            )
        if records:
            self._session.recorder.facts("gradient_noise", records)

    def on_finish(self, _ended: str) -> None:
        if not any(noise_ratio(list(last.cosines)) is not None for last in self._last.values()):
            reason = (
                f"it needs the gradients of {MIN_PAIRS} pairs of successive steps that do not work against each other"
            )
            self._session.recorder.missing("gradient_noise", reason)
        for last in self._last.values():
            last.gradients = {}


def noise_ratio(cosines: list[float]) -> float | None:
    """Noise scale over batch size, from cosines between gradients of independent batches at nearly equal weights.

    The expected cosine is |G|^2 / (|G|^2 + tr(S)/B), and the noise scale is tr(S) / |G|^2 (McCandlish et al.,
    arXiv:1812.06162, eq. 2.9). Where the mean is lost in its own noise, the lowest ratio that agrees with it.

    Returns:
        None for too few pairs, or gradients that oppose each other (oscillation, which is no noise).
    """
    recent = cosines[-max(MIN_PAIRS, len(cosines) // 2) :]
    if len(recent) < MIN_PAIRS:
        return None
    mean = statistics.fmean(recent)
    error = 2 * statistics.stdev(recent) / math.sqrt(len(recent))
    signal = mean if mean > error else mean + error
    return (1 - signal) / signal if signal > 0 else None


class NonFiniteCollector:
    """Records `non_finite_grads`."""

    part = "non-finite gradients"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._broken = 0

    def on_step_begin(self, event: Step) -> None:
        norm = self._session.options.get("grad_norm")
        if not event.skipped and norm is not None and not math.isfinite(norm):
            self._count(event)

    @torch.no_grad()
    def _count(self, event: Step) -> None:
        session = self._session
        self._broken += 1
        if self._broken > MAX_BROKEN and not session.deep:
            return
        named = [(n, local(p.grad)) for n, p in named_parameters(session, event) if p.grad is not None]
        usable = [(n, g) for n, g in named if g is not None]
        counts = as_floats([(~torch.isfinite(g)).sum() for _, g in usable])
        found = {n: c for (n, _), c in zip(usable, counts, strict=True) if c}
        if found:
            session.recorder.values(session.step, "non_finite_grads", found)

    def on_finish(self, _ended: str) -> None:
        if not self._broken:
            self._session.recorder.missing("non_finite_grads", "no gradient was ever NaN or infinite")
