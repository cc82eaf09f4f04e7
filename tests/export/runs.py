"""A stored run, small and with everything strange in it, that the tests of exporters share; needs no framework."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from netvet import checks, cli
from netvet.core import Facts
from netvet.store import Run
from tests.report.samples import CHECKS, softmax_signals
from tests.test_cli import stored

LOSSES = [2.3, math.nan, math.inf, -math.inf, 0.1, 2.3]
OPTIMIZER = {"name": "Adam", "cls": "Adam", "groups": [{"lr": 0.5, "betas": [0.9, 0.99], "names": ["w"]}]}


def make_run(store: Path) -> Run:
    """Series with values that are not finite, keys that no service takes as they are, findings, a lone series."""
    from netvet.core import LayerSeries, Series

    source = softmax_signals(
        loss=LayerSeries({"train.py:9": Series.of(LOSSES, [0, 1, 2, 3, 5, 8])}),
        param_norm=LayerSeries.of(**{"net.0 [a]": [1.0, 2.0], "net.0 (a]": [3.0, 4.0]}),
        optimizers=Facts.of(OPTIMIZER),
    )
    return Run.open(stored(source, "train", store))


def values_in(run: Run) -> dict[str, list[tuple[int, float]]]:
    """Every value of the store, by `signal/key`."""
    found = {}
    for signal in ("loss", "lr", "grad_norm", "param_norm"):
        for key, series in run.get(signal).items():  # type: ignore[union-attr]
            found[f"{signal}/{key}"] = list(zip(series.steps.tolist(), series.values.tolist(), strict=True))
    return found


def same(found: list[tuple[int, float]], wanted: list[tuple[int, float]]) -> bool:
    """NaN is NaN here."""
    return [(s, repr(float(v))) for s, v in found] == [(s, repr(float(v))) for s, v in wanted]


def exporting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Run, Callable[..., int]]:
    """A run in a store, and the command line in its folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks, "all_checks", lambda: CHECKS)
    for name in ("WANDB_MODE", "MLFLOW_TRACKING_URI", "OTEL_EXPORTER_OTLP_ENDPOINT", "NETVET_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    run = make_run(tmp_path / ".netvet" / "runs")

    def netvet(*arguments: str) -> int:
        with pytest.raises(SystemExit) as left:
            cli.main(["export", *arguments])
        assert isinstance(left.value.code, int)
        return left.value.code

    return run, netvet
