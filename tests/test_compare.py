"""A bad run against a good one: seeds make no difference, one changed thing is named with its layer."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from netvet import cli
from netvet.checks import all_checks
from netvet.compare import Comparison, compare
from netvet.compare.noise import critical, first_beyond, places
from netvet.compare.pairing import pair_modules, pair_parameters
from netvet.compare.settings import alike, settings
from netvet.core import Facts, Series
from netvet.report.compare import render
from netvet.report.plain import cells
from netvet.report.schemas import schema
from netvet.store import Run

SEEDS = (0, 1, 2)
MLP = (
    "dropout", "init", "frozen", "unscaled input", "adam", "unshuffled", "summed", "no activation", "late", "port",
    "port with another init",
)  # fmt: skip


def wanted() -> list[tuple[str, str, list[str], bool]]:
    runs = [(f"{p} {s}", p, ["--seed", str(s)], False) for p in ("mlp", "cnn", "rnn") for s in SEEDS]
    runs += [("mlp again", "mlp", ["--seed", "1"], False), ("mlp lr", "mlp", ["--seed", "1", "--lr", "0.5"], False)]
    runs += [(f"mlp {c}", "mlp", ["--seed", "1", "--change", c], False) for c in MLP]
    runs += [("mlp other init", "mlp", ["--seed", "2", "--change", "init"], False)]
    runs += [(f"cnn {c}", "cnn", ["--seed", "3", "--change", c], False) for c in ("no norm", "no decay")]
    runs += [(f"cnn {c} probed", "cnn", ["--seed", "3", "--change", c], True) for c in ("nothing", "no activation")]
    runs += [(f"rnn {c}", "rnn", ["--seed", "1", "--change", c], False) for c in ("schedule", "no clipping")]
    return runs


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """All runs, recorded once."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.compared.record", str(tmp_path_factory.mktemp("runs"))],
        input=json.dumps(wanted()), env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).resolve().parents[1], capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return {name: Path(path) for name, path in json.loads(done.stdout.splitlines()[-1]).items()}


@pytest.fixture
def compared(folders: dict[str, Path]):
    def between(good: str, bad: str, *noise: str) -> Comparison:
        others = [Run.open(folders[name]) for name in noise]
        return compare(Run.open(folders[good]), Run.open(folders[bad]), all_checks(), noise=others)

    return between


def set_differently(found: Comparison) -> dict[str, tuple[object, object, tuple[str, ...]]]:
    return {f"{d.group}: {d.name}": (d.good, d.bad, d.where) for d in found.settings if d.counts}


@pytest.mark.parametrize("program", ["mlp", "cnn", "rnn"])
@pytest.mark.parametrize("pair", list(itertools.permutations(SEEDS, 2)), ids=str)
def test_seeds_make_no_difference(compared, program, pair):
    found = compared(f"{program} {pair[0]}", f"{program} {pair[1]}")
    assert not set_differently(found)
    assert not found.parted
    assert not found.different
    assert found.bitwise is None
    assert found.compared > 10
    assert [(d.name, d.good, d.bad) for d in found.settings] == [("--seed", str(pair[0]), str(pair[1]))]


@pytest.mark.parametrize("program", ["mlp", "rnn"])
def test_nor_do_they_with_a_further_good_run(compared, program):
    assert not compared(f"{program} 0", f"{program} 1", f"{program} 2").different


def test_equal_runs_are_equal_to_the_last_bit(compared):
    found = compared("mlp 1", "mlp again")
    assert found.bitwise is not None
    assert found.bitwise.first is None
    assert found.bitwise.values > 300
    assert found.settings == ()
    assert not found.different


@pytest.mark.parametrize("good", ["mlp 1", "mlp 0"])
@pytest.mark.parametrize(
    ("bad", "name", "values", "layer"),
    [
        ("mlp lr", "optimizer: learning rate", (0.05, 0.5), None),
        ("mlp adam", "optimizer: class", ("SGD", "Adam"), None),
        ("mlp summed", "loss: reduction", ("mean", "sum"), None),
        ("mlp unscaled input", "data: std of the input", None, "first"),
        ("mlp unshuffled", "data: shuffled", (True, False), None),
        ("mlp init", "weights: std at the start", None, "second.weight"),
        ("mlp frozen", "parameters: requires a gradient", (True, False), "third.weight"),
        ("mlp dropout", "model: module added", (None, "Dropout(p=0.6)"), None),
        ("mlp no activation", "model: calls in a forward pass", (1, None), None),
    ],
)
def test_one_changed_thing_is_named(compared, good, bad, name, values, layer):
    found = compared(good, bad)
    differing = set_differently(found)
    assert name in differing, differing
    assert values is None or differing[name][:2] == values
    assert len(differing) <= 2, differing
    assert found.different
    if layer is not None:
        first = found.parted[0]
        assert (first.step, first.layer) == (0, layer)


def test_names_the_layer_of_a_removed_module_activation_and_of_dropout(compared):
    where = {bad: set_differently(compared("mlp 1", bad)) for bad in ("mlp dropout", "mlp no activation", "mlp frozen")}
    assert where["mlp dropout"]["model: module added"][2] == ("dropout",)
    assert where["mlp no activation"]["model: calls in a forward pass"][2] == ("second_act",)
    assert where["mlp frozen"]["parameters: requires a gradient"][2] == ("third.weight", "third.bias")


def test_a_changed_init_is_found_at_another_seed_too(compared):
    found = compared("mlp 0", "mlp other init", "mlp 1")
    assert set_differently(found)["weights: std at the start"][2] == ("second.weight",)
    assert (found.parted[0].step, found.parted[0].layer) == (0, "second.weight")


def test_equal_until_a_step_and_then_which_layer(compared):
    found = compared("mlp 1", "mlp late")
    assert not set_differently(found)
    exact = found.bitwise
    assert exact is not None
    assert exact.first is not None
    assert exact.until == 12
    assert exact.first.step == 13
    if exact.first.layer is None:
        assert exact.layers_until is not None
        assert exact.layers_until < 13
    assert found.parted
    assert found.parted[0].step >= 13
    assert found.parted[0].layer in ("third.weight", "third", "third_act", "second.weight", None)


def test_a_removed_norm_is_named(compared):
    differing = set_differently(compared("cnn 0", "cnn no norm"))
    assert differing["model: class"][1:] == ("Identity()", ("norm1",))
    assert differing["model: parameter removed"][2] == ("norm1.weight", "norm1.bias")


def test_an_operation_that_is_no_module_is_named_from_the_graph(compared):
    differing = set_differently(compared("cnn nothing probed", "cnn no activation probed"))
    assert differing == {"model: operations": ("Relu", None, ("after norm2",))}


def test_weight_decay_clipping_and_schedule_are_named(compared):
    assert set_differently(compared("cnn 0", "cnn no decay")) == {"optimizer: weight decay": (0.1, 0.0, ())}
    assert list(set_differently(compared("rnn 0", "rnn no clipping"))) == ["clipping: clips"]
    found = compared("rnn 0", "rnn schedule")
    assert set_differently(found) == {"schedule: gamma": (0.5, 0.1, ())}
    assert (found.parted[0].signal, found.parted[0].step) == ("lr", 20)
    same_seed = compared("rnn 1", "rnn schedule").bitwise
    assert same_seed is not None
    assert same_seed.until == 19
    assert same_seed.first is not None
    assert same_seed.first.signal == "lr"


def test_layers_of_a_port_are_matched_by_order_and_shape(compared):
    found = compared("mlp 0", "mlp port")
    assert found.parameters.pairs["second.weight"] == "blocks.1.weight"
    assert found.parameters.pairs["head.bias"] == "classifier.bias"
    assert found.parameters.by_order == 8
    assert not found.parted
    wrong = compared("mlp 0", "mlp port with another init")
    assert wrong.parted[0].layer == "blocks.1.weight"


def test_command_line(folders, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    good, bad, same = (str(folders[name]) for name in ("mlp 1", "mlp summed", "mlp 0"))
    assert status(["compare", good, same]) == 0
    assert "No difference beyond the noise of seeds." in capsys.readouterr().out
    assert status(["compare", good, bad, "--noise", same, "--json", "found.json"]) == 1
    out = capsys.readouterr().out
    assert "reduction: mean -> sum" in out
    assert "first the training loss" in out
    written = json.loads(Path("found.json").read_text())
    jsonschema.validate(written, schema("compare"))
    assert written["different"] is True
    assert written["parted"][0]["signal"] == "loss"
    assert {s["name"] for s in written["settings"] if s["counts"]} == {"reduction"}
    assert [f["check"] for f in written["findings"]["new"] if f["severity"] == "error"]
    assert status(["compare", good, bad, "--json", "-"]) == 1
    assert json.loads(capsys.readouterr().out)["bad"] == Path(bad).name
    assert status(["compare", good, "no such run"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert status(["compare", good]) == 2
    assert status(["compare", good, bad, "--sarif", "x"]) == 2


def test_a_noise_run_that_differs_by_more_is_told(compared):
    (problem,) = compared("mlp 0", "mlp 1", "mlp lr").problems
    assert "run 1 of --noise differs from the good run by more than its seed: learning rate" in problem


def test_foreign_names_are_harmless_and_lines_short(compared):
    found = compared("mlp 0", "mlp init")
    found.modules.pairs["\x1b[31m"] = "x"
    hostile = replace(found.parted[0], layer="\x1b[31mred\u202e" + "x" * 500)
    lines = render(replace(found, parted=(hostile,)), "a\nb", "\x07", 60)
    assert all(cells("".join(text for text, _ in line)) <= 60 for line in lines)
    assert all(character.isprintable() for line in lines for text, _ in line for character in text)


def status(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    return int(left.value.code or 0)


def test_run_like_a_good_run(folders, tmp_path):
    script = Path(__file__).parent / "compared" / "mlp.py"
    command = [sys.executable, "-m", "netvet", "run", "--no-probes", "--like", str(folders["mlp 1"]), str(script)]
    done = subprocess.run([*command, "--seed", "1", "--lr", "0.5"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "learning rate: 0.05 -> 0.5" in done.stdout
    command[command.index(str(folders["mlp 1"]))] = "no such run"
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no such run" in done.stderr
    assert done.stderr.count("\n") == 1


def noisy(seed: int, shift: float = 0.0, since: int = 0, n: int = 400, between: float = 0.05) -> Series:
    rng = np.random.default_rng(seed)
    steps = np.arange(n)
    trend = -np.log1p(steps / 20) + between * rng.normal()
    return Series(steps, np.exp(trend + 0.2 * rng.normal(size=n) + shift * (steps >= since)))


def beyond(goods: list[Series], bad: Series):
    limit = critical(40 * len(places(bad.steps)))
    return first_beyond(goods, bad, prior=(0.15, 0.3), limit=limit, logarithmic=True)


def test_noise_is_not_taken_for_a_difference():
    assert [s for s in range(200) if beyond([noisy(s)], noisy(1000 + s))] == []


def test_a_shift_is_found_at_its_step():
    for seed in range(20):
        found = beyond([noisy(seed)], noisy(1000 + seed, shift=5.0, since=100))
        assert found is not None
        assert 95 <= found.step <= 125


def test_more_good_runs_find_less():
    goods = [noisy(s, between=0.02) for s in range(8)]
    small = noisy(99, shift=1.9, since=100)
    assert beyond(goods[:1], small) is None
    assert beyond(goods, small) is not None


def test_not_a_number_is_a_difference_at_once():
    bad = noisy(1)
    bad.values[7] = np.nan
    found = beyond([noisy(0)], bad)
    assert found is not None
    assert found.step == 7
    assert beyond([bad], bad) is None


def test_other_steps_are_compared_at_neighbouring_ones():
    good, bad = noisy(0), noisy(1)
    sparse = Series(bad.steps[3::7], bad.values[3::7])
    assert beyond([good], sparse) is None
    assert beyond([sparse], Series(good.steps[1::5], good.values[1::5] * 300)) is not None


def record(name: str, cls: str, *shape: int, **more: object) -> dict[str, object]:
    return {"name": name, "cls": cls, "output_shape": [8, *shape], "parameters": 0, "is_leaf": True, **more}


def test_an_inserted_layer_moves_the_names_of_a_sequence():
    good = [record("0", "Linear", 64), record("1", "ReLU", 64), record("2", "Linear", 5)]
    bad = [record("0", "Linear", 64), record("1", "ReLU", 64), record("2", "Dropout", 64), record("3", "Linear", 5)]
    found = pair_modules(good, bad)
    assert found.pairs == {"0": "0", "1": "1", "2": "3"}
    assert found.only_bad == ["2"]
    weights = [{"name": f"{i}.weight", "layer": str(i), "shape": s} for i, s in ((0, [64, 9]), (2, [5, 64]))]
    moved = [weights[0], {"name": "3.weight", "layer": "3", "shape": [5, 64]}]
    assert pair_parameters(weights, moved, found.pairs).pairs == {"0.weight": "0.weight", "2.weight": "3.weight"}


def test_a_transposed_port_is_matched():
    good, bad = ([{"name": n, "layer": "x", "shape": s}] for n, s in (("a.weight", [5, 64]), ("b.kernel", [64, 5])))
    assert pair_parameters(good, bad, {}).pairs == {"a.weight": "b.kernel"}


def test_volatile_fields_and_rounding_are_no_settings():
    left, right = (
        {"run": Facts.of({"seconds": s, "started": str(s), "arguments": ["--out", "x"]}),
         "optimizers": Facts.of({"cls": "Adam", "steps": s, "groups": [{"betas": [0.9, b]}]})}
        for s, b in ((1, 0.1 + 0.2), (2, 0.3))
    )  # fmt: skip
    assert list(settings(left, right)) == []
    assert alike(float("nan"), float("nan"))
    assert not alike(True, 1.5)
