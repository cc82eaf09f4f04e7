"""What a collector gets of an export, over HTTP and as JSON."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.export.runs import exporting, values_in


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return exporting(tmp_path, monkeypatch)


class _Collector(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.got.append((self.path, body))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nobody wants to read it."""


@pytest.fixture
def collector() -> Iterator[Any]:
    server: Any = HTTPServer(("127.0.0.1", 0), _Collector)
    server.got, server.status = [], 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def plain(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


def test_a_collector_gets_last_values_and_counts(place: Any, collector: Any) -> None:
    run, netvet = place
    assert netvet("--to", "otel", "-o", f"http://127.0.0.1:{collector.server_port}/") == 0
    bodies = dict(collector.got)
    request = ExportMetricsServiceRequest.FromString(bodies["/v1/metrics"])
    (resource,) = request.resource_metrics
    assert plain(resource.resource.attributes)["netvet.run"] == run.path.name
    found = {}
    for metric in resource.scope_metrics[0].metrics:
        for point in metric.gauge.data_points:
            value = getattr(point, point.WhichOneof("value"))
            found[metric.name, *plain(point.attributes).values()] = value
    for name, wanted in values_in(run).items():
        signal, _, key = name.partition("/")
        assert found[f"netvet.{signal}", key] == wanted[-1][1]
    assert [found["netvet.findings", name] for name in ("error", "warning", "note")] == [1, 2, 1]


def test_a_collector_gets_findings_as_events(place: Any, collector: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _, netvet = place
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
    assert netvet("--to", "otel") == 0
    request = ExportLogsServiceRequest.FromString(dict(collector.got)["/v1/logs"])
    events = [one for part in request.resource_logs for scope in part.scope_logs for one in scope.log_records]
    first = events[0]
    assert (first.event_name, first.severity_text) == ("netvet.finding", "error")
    about = plain(first.attributes)
    assert (about["netvet.check"], about["code.file.path"], about["code.line.number"]) == (
        "double-softmax", "train.py", 5,
    )  # fmt: skip
    assert [one.event_name for one in events].count("netvet.diagnosis") == 2


def test_without_a_collector_it_is_json(place: Any, capsys: Any, tmp_path: Path) -> None:
    _, netvet = place
    assert netvet("--to", "otel") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "resource_metrics" in lines[0]
    assert lines[1]["event_name"] == "netvet.finding"
    assert netvet("--to", "otel", "-o", "out.jsonl") == 0
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == len(lines)


def test_a_collector_that_refuses_is_one_line(place: Any, collector: Any, capsys: Any) -> None:
    _, netvet = place
    collector.status = 400
    assert netvet("--to", "otel", "-o", f"http://127.0.0.1:{collector.server_port}") == 2
    assert "the collector did not take the export" in capsys.readouterr().err
