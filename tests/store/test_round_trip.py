from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from netvet.core import Facts, LayerSeries, NetvetError
from netvet.store import Run, RunWriter, catalogue, seal, writer
from tests.store.machine import query, series_of


def test_gives_back_series_layers_facts_and_reasons(started: RunWriter) -> None:
    for step in range(3):
        started.append(step, "step_seconds", step / 7)
        started.append(step, "loss", -step, "train.py:45")
        started.append_many(step, "param_norm", {"fc1.weight": step * 2.0, "fc2.weight": 0.1})
    started.put_facts("optimizers", [{"name": "Adam"}])
    started.put_facts("optimizers", [{"name": "SGD"}, {"name": "SGD#2"}])
    started.put_facts("loss_calls", [])
    started.explain_missing("lr", "no optimizer was seen")
    started.flush()
    run = Run.open(started.path)
    assert series_of(run, "step_seconds").values.tolist() == [0, 1 / 7, 2 / 7]
    assert series_of(run, "loss", "train.py:45").values.tolist() == [0, -1, -2]
    layers = run.get("param_norm")
    assert isinstance(layers, LayerSeries)
    assert list(layers) == ["fc1.weight", "fc2.weight"]
    assert layers["fc1.weight"].steps.tolist() == [0, 1, 2]
    assert layers["fc1.weight"].steps.dtype == np.int64
    assert layers["fc2.weight"].values.tolist() == [0.1] * 3
    optimizers = run.get("optimizers")
    assert isinstance(optimizers, Facts)
    assert [r["name"] for r in optimizers] == ["SGD", "SGD#2"]
    assert run.get("loss_calls") is not None, "an empty list of records is something that was seen"
    assert run.get("lr") is None
    assert run.get("no_such_signal") is None
    assert run.reason("lr") == "no optimizer was seen"
    assert run.reason("loss") is None
    assert run.names() == ["loss", "loss_calls", "optimizers", "param_norm", "step_seconds"]


def test_keeps_nan_and_infinity(started: RunWriter) -> None:
    values = [float("nan"), float("inf"), 0.1, -float("inf"), 1e300, 5e-324]
    for step, value in enumerate(values):
        started.append(step, "memory_bytes", value)
    started.put_facts("run", [{"values": values}])
    started.flush()
    run = Run.open(started.path)
    np.testing.assert_array_equal(series_of(run, "memory_bytes").values, values)
    started.close()
    np.testing.assert_array_equal(series_of(run, "memory_bytes").values, values)
    found = run.get("run")
    assert found is not None
    np.testing.assert_array_equal(found[0]["values"], values)


def test_makes_records_plain(started: RunWriter) -> None:
    record = {
        "n": np.int64(3),
        "x": np.float32(0.5),
        "yes": np.bool_(True),
        "shape": (2, (3,)),
        "array": np.arange(2),
        "path": Path("a"),
        "long": np.longdouble(2),
        "bad": "\ud800",
        4: None,
    }
    started.put_facts("environment", [record])
    started.flush()
    assert Run.open(started.path).get("environment")[0] == {  # type: ignore[index]
        "n": 3,
        "x": 0.5,
        "yes": True,
        "shape": [2, [3]],
        "array": [0, 1],
        "path": "a",
        "long": "2.0",
        "bad": "\ud800",
        "4": None,
    }


def test_facts_are_those_of_the_call_not_of_a_later_change(started: RunWriter) -> None:
    records = [{"steps": 1}]
    started.put_facts("optimizers", records)
    records[0]["steps"] = 2
    started.flush()
    assert Run.open(started.path).get("optimizers")[0] == {"steps": 1}  # type: ignore[index]


def test_the_last_value_of_a_step_wins(started: RunWriter) -> None:
    for step, value in [(0, 0), (5, 1), (5, 2), (3, 3), (0, 4), (-1, 5)]:
        started.append(step, "memory_bytes", value)
    started.flush()
    found = series_of(Run.open(started.path), "memory_bytes")
    assert found.steps.tolist() == [-1, 0, 3, 5]
    assert found.values.tolist() == [5, 4, 3, 2]


@pytest.mark.parametrize("seed", range(6))
def test_agrees_with_a_plain_dict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(seal, "SHORT_TAIL", 100)
    monkeypatch.setattr(writer, "SHORT_TAIL", 100)
    monkeypatch.setattr(seal, "LONG_TAIL", [1 << 19, 600][seed % 2])
    monkeypatch.setattr(seal, "SEALED", [64, 512][seed % 2])
    monkeypatch.setattr(catalogue, "KNOWN_SETS", 2)
    rng = random.Random(seed)
    keys = [f"layer{i}" for i in range(12)]
    expected: dict[str, dict[int, float]] = {}
    chosen = RunWriter.create(tmp_path, "random")
    for _ in range(2_000):
        step = rng.randrange(3_000)
        values = {key: rng.choice([rng.random(), np.float32(rng.random()).item()]) for key in rng.sample(keys, 4)}
        if rng.random() < 0.5:
            chosen.append_many(step, "update_ratio", values)
        else:
            for key, value in values.items():
                chosen.append(step, "update_ratio", value, key)
        for key, value in values.items():
            expected.setdefault(key, {})[step] = value
        if rng.random() < 0.02:
            chosen.flush()
        if rng.random() < 0.002:
            chosen.close()
            chosen = RunWriter.join(chosen.path)
    chosen.flush()
    run = Run.open(chosen.path)
    for _ in range(2):
        found = run.get("update_ratio")
        assert isinstance(found, LayerSeries)
        assert {
            key: dict(zip(s.steps.tolist(), s.values.tolist(), strict=True)) for key, s in found.items()
        } == expected
        assert all((np.diff(s.steps) > 0).all() for s in found.values())
        chosen.close()
    assert query(chosen.path, "SELECT count(*) FROM tail") == [(0,)]


@pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning", "ignore:Mean of empty slice:RuntimeWarning")
@pytest.mark.parametrize("factor", [16, 256])
def test_thins_out_to_what_a_plain_loop_finds(started: RunWriter, factor: int) -> None:
    values = np.random.default_rng(0).normal(size=1_500)
    values[::7] = np.nan
    values[256:512] = np.nan
    for step, value in enumerate(values):
        started.append(10 * step, "param_std", value, "w")
    started.flush()
    run = Run.open(started.path)
    for _ in range(2):  # In the tail, then sealed.
        thin = run.thinned("param_std", factor)["w"]
        for i, part in enumerate(np.split(values, range(factor, len(values), factor))):
            low, high, mean = np.nanmin(part), np.nanmax(part), np.nanmean(part)
            assert thin.steps[i] == 10 * factor * i
            np.testing.assert_array_equal([thin.minimum[i], thin.maximum[i], thin.last[i]], [low, high, part[-1]])
            np.testing.assert_allclose(thin.mean[i], mean, rtol=1e-12, atol=1e-15)
        assert len(thin.steps) == -(-len(values) // factor)
        started.close()


def test_there_is_no_other_thinning(started: RunWriter) -> None:
    assert Run.open(started.path).thinned("loss", 16) == {}
    with pytest.raises(NetvetError, match="no roll-up by 3"):
        Run.open(started.path).thinned("loss", 3)


def test_long_series_are_sealed_while_writing(started: RunWriter) -> None:
    for step in range(20_000):
        started.append(step, "step_seconds", step)
    started.flush()
    (rows, least, most) = query(started.path, "SELECT count(*), min(n), max(n) FROM chunk")[0]
    assert (rows, least, most) == (20_000 // 512, 512, 512)
    assert query(started.path, "SELECT sum(n) FROM tail") == [(20_000 % 512,)]
    assert series_of(Run.open(started.path), "step_seconds").values.tolist() == list(range(20_000))
