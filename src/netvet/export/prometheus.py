"""Prometheus: the last value of each series and the counts of findings, in its text format.

For the textfile collector of the node exporter, or a push gateway. A history of steps has no place there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TextIO

from netvet.export.content import Content
from netvet.signals import SIGNALS


def export(content: Content, output: str | None, stream: TextIO) -> str | None:
    """Write the text to a file, or to the stream."""
    from prometheus_client import generate_latest, write_to_textfile

    registry = _registry(content)
    if output is None or output == "-":
        stream.write(generate_latest(registry).decode())
        return None
    Path(output).absolute().parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(output, registry)  # all at once: a scraper never sees half of it
    return output


def _registry(content: Content) -> object:
    from prometheus_client import CollectorRegistry, Gauge

    registry, run = CollectorRegistry(), content.name
    findings = Gauge("netvet_findings", "Findings that are not acknowledged", ["run", "severity"], registry=registry)
    for severity, count in content.counts.items():
        findings.labels(run, severity).set(count)
    sure = Gauge("netvet_diagnosis", "How sure a diagnosis is, 0 to 1", ["run", "check", "place"], registry=registry)
    for verdict in content.view["diagnosis"]:
        place = f"{verdict['location']['file']}:{verdict['location']['line']}" if verdict["location"] else ""
        sure.labels(run, verdict["check"], place).set(verdict["confidence"])
    Gauge("netvet_last_step", "The last step", ["run"], registry=registry).labels(run).set(content.last_step)
    gauges: dict[str, Gauge] = {}
    for curve in content.curves:
        name = re.sub(r"\W", "_", f"netvet_{curve.signal}", flags=re.ASCII)
        if name not in gauges:
            known = SIGNALS.get(curve.signal)
            text = f"{known.meaning} [{known.unit}]" if known else curve.signal
            gauges[name] = Gauge(name, text, ["run", "key"], registry=registry)
        gauges[name].labels(run, curve.key).set(float(curve.series.values[-1]))
    return registry
