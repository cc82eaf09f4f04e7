"""The explicit table of probes: the signals that each gives, and the probe; the most telling first."""

from __future__ import annotations

from netvet.capture.torch_probes import Probe

PROBES: tuple[tuple[tuple[str, ...], Probe], ...] = ()
