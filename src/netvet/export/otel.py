"""OpenTelemetry: last values as gauges, findings and diagnosis as events, by OTLP over HTTP or as JSON.

A metric of OpenTelemetry is measured now: a history of steps has no place there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, TextIO

import netvet
from netvet.core import NetvetError
from netvet.export.content import Content
from netvet.report.view import FindingView
from netvet.signals import SIGNALS

_SCOPE = "netvet"
# The standard's longest name of an instrument.
_MAX_NAME = 255


def export(content: Content, output: str | None, stream: TextIO) -> str | None:
    """Send to a collector (an address, or OTEL_EXPORTER_OTLP_ENDPOINT); else JSON to a file or the stream."""
    endpoint = output if output and "://" in output else None
    if endpoint or (output is None and os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")):
        _send(content, endpoint)
        return f"sent to {endpoint or os.environ['OTEL_EXPORTER_OTLP_ENDPOINT']}"
    if output is None or output == "-":
        _print(content, stream)
        return None
    with Path(output).open("w", encoding="utf-8") as file:
        _print(content, file)
    return output


def _send(content: Content, endpoint: str | None) -> None:
    try:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    except ImportError as error:
        raise NetvetError(
            "sending to a collector needs opentelemetry-exporter-otlp-proto-http: pip install 'netvet[otel]'"
        ) from error
    base = endpoint.rstrip("/") if endpoint else None
    metrics = OTLPMetricExporter(endpoint=base and f"{base}/v1/metrics")
    events = OTLPLogExporter(endpoint=base and f"{base}/v1/logs")
    _export(content, metrics, events)


def _print(content: Content, stream: TextIO) -> None:
    from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter

    _export(
        content,
        ConsoleMetricExporter(out=stream, formatter=lambda data: data.to_json(indent=None) + "\n"),
        ConsoleLogRecordExporter(out=stream, formatter=lambda record: record.to_json(indent=None) + "\n"),
    )


def _export(content: Content, metrics: Any, events: Any) -> None:
    """Hand over at once, without threads, and say what failed: the SDK's own readers only log it."""
    from opentelemetry.sdk.resources import Resource

    about = {"service.name": "netvet", "service.version": netvet.__version__, "netvet.run": content.name}
    resource = Resource.create(about)
    done = metrics.export(_metrics(content, resource))
    done_events = events.export(_events(content, resource))
    for exporter in (metrics, events):
        exporter.shutdown()
    if "FAILURE" in (done.name, done_events.name):
        raise NetvetError("the collector did not take the export; check its address and that it speaks OTLP over HTTP")


def _metrics(content: Content, resource: Any) -> Any:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], resource, shutdown_on_exit=False)
    meter = provider.get_meter(_SCOPE, netvet.__version__)
    findings = meter.create_gauge("netvet.findings", description="Findings that are not acknowledged")
    for severity, count in content.counts.items():
        findings.set(count, {"netvet.severity": severity})
    meter.create_gauge("netvet.last_step").set(content.last_step)
    gauges: dict[str, Any] = {}
    for curve in content.curves:
        name = re.sub(r"[^\w.\-/]", "_", f"netvet.{curve.signal}", flags=re.ASCII)[:_MAX_NAME]
        if name not in gauges:
            known = SIGNALS.get(curve.signal)
            gauges[name] = meter.create_gauge(name, description=known.meaning if known else "")
        gauges[name].set(float(curve.series.values[-1]), {"netvet.key": curve.key} if curve.key else {})
    data = reader.get_metrics_data()
    provider.shutdown()
    return data


def _events(content: Content, resource: Any) -> Any:
    from opentelemetry._logs import SeverityNumber
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

    numbers = {"error": SeverityNumber.ERROR, "warning": SeverityNumber.WARN, "note": SeverityNumber.INFO}
    kept = InMemoryLogRecordExporter()
    provider = LoggerProvider(resource, shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(kept))
    logger, time = provider.get_logger(_SCOPE, netvet.__version__), content.time_of
    for one in content.view["findings"]:
        logger.emit(
            timestamp=int(1e9 * time(one["step"] or 0)), severity_number=numbers[one["severity"]],
            severity_text=one["severity"], body=one["message"], attributes=_about(one), event_name="netvet.finding",
        )  # fmt: skip
    for verdict in content.view["diagnosis"]:
        about = {"netvet.check": verdict["check"], "netvet.confidence": verdict["confidence"]}
        about["netvet.undetermined"] = verdict["undetermined"]
        logger.emit(
            timestamp=int(1e9 * time(content.last_step)), severity_number=SeverityNumber.ERROR,
            body=verdict["because"], attributes=about, event_name="netvet.diagnosis",
        )  # fmt: skip
    return kept.get_finished_logs()


def _about(one: FindingView) -> dict[str, Any]:
    place = one["location"]
    found = {
        "netvet.check": one["check"], "netvet.kind": one["kind"], "netvet.where": one["where"],
        "netvet.step": one["step"], "netvet.value": one["value"], "netvet.limit": one["limit"],
        "netvet.allowed": one["allowed"],
        "code.file.path": place["file"] if place else None, "code.line.number": place["line"] if place else None,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}
