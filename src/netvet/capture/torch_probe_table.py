"""The explicit table of probes: the signals that each gives, and the probe; the most telling first."""

from __future__ import annotations

from netvet.capture.torch_probes import Probe
from netvet.capture.torch_terms import loss_terms

PROBES: tuple[tuple[tuple[str, ...], Probe], ...] = ((("loss_terms",), loss_terms),)
