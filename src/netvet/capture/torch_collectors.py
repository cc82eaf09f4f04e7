"""The explicit list of collectors, in the order in which they hear of events."""

from __future__ import annotations

from typing import Any

from netvet.capture.torch_events import Session
from netvet.capture.torch_loop import LoopCollector
from netvet.capture.torch_probe_table import PROBES
from netvet.capture.torch_probes import Prober


def all_collectors(session: Session, *, probes: bool) -> list[Any]:
    """Fresh collectors for one run; those that probe copies only if asked for."""
    chosen: list[Any] = [LoopCollector(session)]
    if probes:
        prober = Prober(session, PROBES)
        chosen += [prober, prober.steps]
    return chosen
