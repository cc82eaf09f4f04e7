"""`netvet recipe` and `netvet tune` on Keras programs: trials take the steps of `fit`, whatever the backend."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.extras.keras.keras_worker import Worker

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE / "programs"
Ask = Callable[[str], Worker]


@pytest.fixture(scope="module")
def on_jax(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Worker]]:
    """A process of its own for each recipe: Keras is on PyTorch there afterwards."""
    known: list[Worker] = []

    def make() -> Worker:
        known.append(Worker("jax", Path(tmp_path_factory.mktemp("jax"))))
        return known[-1]

    yield make
    for one in known:
        one.close()


def recipe(worker: Worker, program: Path, *only: str) -> dict[str, dict[str, Any]]:
    """Outcomes by the name of the experiment."""
    options = ["--budget", "4m", "--seeds", "2", "--only", ",".join(only)]
    answer = worker.ask(what="recipe", program=str(program), options=options)
    assert answer.get("report"), answer
    assert "switched off" not in answer["said"], answer["said"]
    return {one["experiment"]: one for one in answer["report"]["experiments"]}


def verdicts(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: one["verdict"] for name, one in found.items()}


def printed(worker: Worker, program: str) -> list[str]:
    answer = worker.ask(what="printed", program=str(PROGRAMS / program))
    assert "error" not in answer, answer
    return str(answer["said"]).splitlines()


def test_trials_take_the_steps_of_fit_with_each_optimizer(worker: Ask) -> None:
    lines = printed(worker("torch"), "fitted.py")
    assert [line for line in lines if line.startswith("gap")] == [
        f"gap {name} True" for name in ("SGD", "Adam", "AdamW", "RMSprop", "Lion")
    ]
    told = dict(line.split(" ", 1) for line in lines if not line.startswith(("gap", "trial")))
    assert told["shape"].startswith("[32, 3, 8, 8] classes 0.001")
    assert told["dropout"] == "[0.4]"
    assert told["without"] == "[0.0]"
    assert "'conv2d" in told["names"]  # names of Keras layers
    assert re.fullmatch(r"\['(conv2d\w*)\.kernel', '\1\.bias'\]", told["parameters"])
    assert re.fullmatch(r"\[\[\], \['dense\w*', 'dense\w*'\]\]", told["hidden"])
    assert told["apart"] == "True"
    assert told["undecayed"] == "None"
    assert told["one-hot"] == "classes [32]"
    assert [line for line in lines if line.startswith("trial")] == ["trial None"] * 3


def test_a_healthy_program_passes(worker: Ask) -> None:
    found = recipe(worker("torch"), HERE / "healthy" / "keras_mlp.py", "initial-loss", "overfit-batch", "baselines")
    assert verdicts(found) == {"initial-loss": "passed", "overfit-batch": "passed", "baselines": "passed"}


def test_labels_of_other_samples_do_not_pass(worker: Ask) -> None:
    found = recipe(worker("torch"), PROGRAMS / "shuffled.py", "shuffled-labels", "overfit-batch", "baselines")
    assert found["overfit-batch"]["verdict"] == "passed"
    # Whether it has failed for sure hangs on how many steps there was time for.
    assert found["shuffled-labels"]["verdict"] in ("failed", "undetermined")
    assert found["baselines"]["verdict"] in ("failed", "undetermined")


def test_a_rate_that_is_too_high_fails(worker: Ask) -> None:
    found = recipe(worker("torch"), HERE / "sick" / "keras_rate_too_high.py", "lr-range")
    assert found["lr-range"]["verdict"] == "failed"
    assert "too high" in found["lr-range"]["message"]


def test_a_train_step_of_the_programs_own_is_repeated(worker: Ask) -> None:
    found = recipe(worker("torch"), PROGRAMS / "own_step.py", "overfit-batch")
    assert found["overfit-batch"]["verdict"] == "passed"


def test_settings_are_searched(worker: Ask) -> None:
    options = ["--trials", "2", "--budget", "2m", "--seeds", "2", "--fresh"]
    answer = worker("torch").ask(what="tune", program=str(HERE / "healthy" / "keras_mlp.py"), options=options)
    tried = answer["report"].get("attempts", ())
    assert len(tried) == 2, answer
    assert all("dropout" in one["params"] for one in tried)


def test_a_program_on_another_backend_is_experimented_with_on_pytorch(on_jax: Callable[[], Worker]) -> None:
    jax = on_jax()
    program = PROGRAMS / "twin.py"
    plain = jax.ask(what="plain", program=str(program))
    found = recipe(jax, program, "overfit-batch", "initial-loss")
    assert verdicts(found) == {"overfit-batch": "passed", "initial-loss": "passed"}
    assert any("trains on JAX" in note for note in found["overfit-batch"]["notes"])
    with_recipe = jax.ask(what="result", program=str(program))
    assert (plain.pop("wrapped"), with_recipe.pop("wrapped")) == (False, True)
    assert with_recipe == plain


def test_operations_of_another_backend_are_told(on_jax: Callable[[], Worker]) -> None:
    found = recipe(on_jax(), PROGRAMS / "foreign.py", "overfit-batch")
    assert found["overfit-batch"]["verdict"] == "not assessed"
    assert "use keras.ops in layers and losses of your own" in found["overfit-batch"]["message"]
    assert "Square.call" in found["overfit-batch"]["message"]
