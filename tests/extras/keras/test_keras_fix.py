"""`netvet fix` on programs of Keras: seeds, scores, limits and the proof of a change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from netvet.fixes.measured import SCORE, Measured
from netvet.fixes.printed import Printed
from netvet.fixes.rerun import Rerun, rerun_apart

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
BACKEND = {"KERAS_BACKEND": "torch", "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
PROGRAM = """
import keras
import numpy as np

keras.utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(240, 4)).astype("float32")
y = (x.sum(1) > 0).astype("int64")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
model.compile(keras.optimizers.Adam(0.05), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(x[:160], y[:160], epochs=3, batch_size=16, verbose=0, validation_data=(x[160:], y[160:]))
print("right", float((model.predict(x[160:], verbose=0).argmax(1) == y[160:]).mean()))
"""


@pytest.fixture(scope="module", autouse=True)
def _torch() -> Any:
    before = {name: os.environ.get(name) for name in BACKEND}
    os.environ.update(BACKEND)
    yield
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Rerun:
    folder = tmp_path_factory.mktemp("program")
    (folder / "train.py").write_text(PROGRAM)
    return Rerun("train.py", folder=str(folder), framework="keras")


@pytest.fixture(scope="module")
def first(program: Rerun) -> Measured:
    return rerun_apart(program)


def test_the_score_is_that_of_the_trained_model_on_held_out_samples(program: Rerun, first: Measured) -> None:
    assert first.error == ""
    assert (first.metric, first.split, first.samples, first.steps) == ("accuracy", "val", 80, 30)
    told = rerun_apart(replace(program, printed=Printed("right")))
    assert told.scores[SCORE].value == pytest.approx(first.scores["accuracy"].value)
    assert told.train_curve == first.train_curve  # one seed, one run
    assert {"accuracy", "balanced accuracy", "loss"} <= set(first.scores)
    assert len(first.train_curve) == 30


def test_another_seed_gives_another_run_on_the_same_samples(program: Rerun, first: Measured) -> None:
    other = rerun_apart(replace(program, seed=1))
    assert other.train_curve != first.train_curve
    assert other.samples == first.samples


def test_a_run_ends_after_its_steps_and_is_scored_there(program: Rerun) -> None:
    found = rerun_apart(replace(program, steps=13))
    assert (found.ended, found.steps) == ("stopped", 13)
    assert found.metric == "accuracy"


def fixed(folder: Path, program: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    (folder / program.name).write_text(program.read_text())
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    command = [sys.executable, "-m", "netvet", "fix", "--json", "fix.json", *options, program.name]
    ran = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, env={**os.environ, **BACKEND, "PYTHONPATH": paths},
        check=False,
    )  # fmt: skip
    report = folder / "fix.json"
    return ran.returncode, json.loads(report.read_text()) if report.exists() else {}, ran.stdout + ran.stderr


def test_a_change_is_proven_and_written(tmp_path: Path) -> None:
    program = HERE / "sick" / "keras_softmax_on_one_unit.py"
    code, report, said = fixed(tmp_path, program, "--apply", "--allow-dirty", "--steps", "60")
    assert code == 0, said
    (one,) = report["rounds"]
    assert one["recommended"]["fix"] == "sigmoid", said
    assert "wrong-output-activation" in one["gone"]
    assert 'Dense(1, activation="sigmoid")' in (tmp_path / program.name).read_text()


def test_nothing_is_changed_where_nothing_is_wrong(tmp_path: Path) -> None:
    code, report, said = fixed(tmp_path, HERE / "healthy" / "keras_mlp.py")
    assert code == 0, said
    assert report["patch"] in (None, "")
    assert "no fix is needed" in said


def test_a_fix_that_keras_has_no_edits_for_is_refused_in_one_sentence(tmp_path: Path) -> None:
    code, _, said = fixed(tmp_path, HERE / "healthy" / "keras_mlp.py", "--try", "zero-grad")
    assert code == 2
    refusal = "the fix 'zero-grad' is made in programs of PyTorch, and this one trains with Keras"
    assert said.strip() == f"netvet: error: {refusal}"
