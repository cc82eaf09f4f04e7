"""When a run that goes on is hopeless: findings that no later step can take back, seen twice.

Most checks judge the run as a whole ("never", "too early", "too few"): asked half-way they would stop trainings that
are only slow. Those below look at what is settled after a few steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from netvet.core import SEVERITIES, Check, NetvetError
from netvet.diagnose import Reported, Settings, diagnose
from netvet.store import Run

STOP_ON = ("error", "warning", "note", "never")

# How the loss is made, what the model mixes up, how the loop calls things: the same in each step. Left out is all that
# may still come (a second optimizer, an evaluation, layers that are used later) and every judgement of a curve but NaN.
SETTLED = (
    "non-finite-input", "target-in-input", "padding-in-loss",
    "missing-nonlinearity", "wrong-output-activation", "double-softmax", "double-sigmoid", "logits-as-probabilities",
    "wrong-softmax-dim", "unregistered-parameters", "batch-mixing", "batched-differs", "future-leak", "ignored-mask",
    "symmetric-init", "badly-scaled-init", "overwritten-pretraining", "broadcast-loss", "negated-loss",
    "unsafe-loss-arithmetic", "missing-zero-grad", "wrong-call-order", "detached-loss", "parameters-not-in-optimizer",
    "unscaled-half-precision", "loss-not-finite",
)  # fmt: skip
# A loop that has hardly begun is not judged: a second network may step for the first time, a scale be found.
FIRST_STEP = 10

_Key = tuple[str, str | None]


def require_severity(name: str, origin: str) -> str:
    """The severity from which on to stop.

    Raises:
        NetvetError: there is no such one.
    """
    if name not in STOP_ON:
        raise NetvetError(f"{origin}: expected one of {', '.join(STOP_ON)}, got {name!r}")
    return name


class EarlyStopper:
    """Stops a run when the same settled finding is there in two looks in a row, at different steps.

    Args:
        checks: those that were chosen.
        settings: and how.
        severity: `error`, `warning` or `note`: from here on findings count that are not acknowledged.
        on_stop: called before the training is ended.
    """

    def __init__(
        self, checks: Sequence[Check], settings: Settings, severity: str, on_stop: Callable[[], object] | None = None
    ) -> None:
        chosen = [c for c in checks if c.name in SETTLED and c.name not in settings.skip]
        self._checks = [c for c in chosen if not settings.only or c.name in settings.only]
        names = {c.name for c in self._checks}
        self._settings = replace(
            settings,
            only=(),
            skip=(),
            limits={name: limits for name, limits in settings.limits.items() if name in names},
            allow={key: reason for key, reason in settings.allow.items() if key.partition(":")[0] in names},
        )
        self._graves = SEVERITIES[: STOP_ON.index(severity) + 1]
        self._last: tuple[int, frozenset[_Key]] = (0, frozenset())
        self.on_stop = on_stop

    def look(self, path: Path, step: int) -> str | None:
        """Look at what is stored of a run at a step; the finding that ends it, if there is one.

        Raises:
            NetvetError: the run cannot be read.
        """
        found = diagnose(Run.open(path), self._checks, self._settings).findings
        grave = [f for f in found if f.allowed is None and f.severity in self._graves]
        last, seen = self._last
        self._last = step, frozenset(_key(f) for f in grave)
        if step <= last or step < FIRST_STEP:
            return None
        return next((f"{f.check.name}: {f.finding.message}" for f in grave if _key(f) in seen), None)


def stopper(
    checks: Sequence[Check], settings: Settings, severity: str, on_stop: Callable[[], object] | None = None
) -> EarlyStopper | None:
    """What stops a run from this severity on; None for `never`."""
    return None if severity == "never" else EarlyStopper(checks, settings, severity, on_stop)


def _key(reported: Reported) -> _Key:
    return reported.check.name, reported.finding.where
