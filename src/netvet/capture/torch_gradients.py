"""How gradients of successive steps agree, how noisy they are, and which of them are not finite."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from netvet.capture.torch_events import Call, Session, Step
from netvet.capture.torch_parameter_rows import Table
from netvet.capture.torch_parameters import as_floats, local, named_parameters
from netvet.capture.torch_sampling import Numbers

# Pairs of successive gradients from which the noise scale is estimated, and how many are remembered.
MIN_PAIRS, MAX_PAIRS = 10, 200
# After so many steps with non-finite gradients only sampled steps are counted: the story is told.
MAX_BROKEN = 100


@dataclass
class _Agreement:
    """How successive gradients of an optimizer agreed: key of their series, cosines, and samples per step."""

    key: str
    cosines: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_PAIRS))
    batches: deque[int] = field(default_factory=lambda: deque(maxlen=MAX_PAIRS))


class GradientCollector:
    """Records `grad_cosine` and `gradient_noise`.

    Every pair is of adjacent steps. The cosine of all gradients together has the key `(all)`; further optimizers have
    their name in front of it.
    """

    part = "agreement of gradients"
    sampled = True

    def __init__(self, session: Session) -> None:
        self._session = session
        session.options["gradients"] = self
        self._known: dict[str, _Agreement] = {}
        self._samples: int = 0
        self._of_step: dict[str, int] = {}
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

    def on_step_begin(self, event: Step) -> None:
        self._of_step[event.name], self._samples = self._samples, 0

    def agree(
        self, steps: list[int], optimizer: str, found: dict[str, Table], names: Sequence[str], stands: Numbers
    ) -> None:
        """Gradients were compared with those of the step before, at several steps.

        Args:
            found: `dot`, `before` and `now`: dot products and norms of sampled elements.
            names: of the parameters; `stands`: for how many elements of each a sampled one stands.
        """
        known = self._known.get(optimizer)
        if known is None:
            known = self._known[optimizer] = _Agreement(f"{optimizer} (all)" if self._known else "(all)")
        columns = np.flatnonzero(found["dot"].known[0]).tolist()
        with np.errstate(all="ignore"):  # of gradients that are not finite, or zero
            parts = [found["dot"].values, found["before"].values ** 2, found["now"].values ** 2]
            cosines = [_cosines(*(part[:, columns] for part in parts))]
            whole = [(stands * part)[:, columns].sum(1, keepdims=True) for part in parts]
            cosines.append(_cosines(*whole))
        values, told = (np.hstack(both) for both in zip(*cosines, strict=True))
        shown = (*(names[column] for column in columns), known.key)
        self._session.recorder.block(steps, "grad_cosine", shown, values, told)
        of_all = values[told[:, -1], -1].tolist()
        known.cosines.extend(of_all)
        samples = self._of_step.get(optimizer)
        if samples is not None:
            known.batches.extend([samples] * len(of_all))

    def on_report(self, _: None) -> None:
        records = []
        for name, known in self._known.items():
            ratio = noise_ratio(list(known.cosines))
            # LBFGS walks far within one step: its gradients belong to different places.
            if ratio is None or name.startswith("LBFGS"):
                continue
            batch = None if self._unknown_size else round(statistics.median(known.batches or [0])) or None
            scale = None if batch is None else ratio * batch
            records.append(
                {"optimizer": name, "batch": batch, "ratio": ratio, "scale": scale, "steps": len(known.cosines)}
            )
        if records:
            self._session.recorder.facts("gradient_noise", records)

    def on_finish(self, _ended: str) -> None:
        if not any(noise_ratio(list(known.cosines)) is not None for known in self._known.values()):
            reason = (
                f"it needs the gradients of {MIN_PAIRS} pairs of successive steps that do not work against each other"
            )
            self._session.recorder.missing("gradient_noise", reason)


def _cosines(dots: Numbers, firsts: Numbers, seconds: Numbers) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """From products and squared norms; and which there are: a gradient that is zero, or not finite, has none."""
    sizes = np.sqrt(firsts) * np.sqrt(seconds)
    return np.clip(dots / sizes, -1.0, 1.0), (sizes > 0) & np.isfinite(sizes) & np.isfinite(dots)


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
        if norm is not None and not math.isfinite(norm):
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
