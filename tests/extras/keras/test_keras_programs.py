"""Keras programs as people write them: each fault is found on its line, and nothing is found where nothing is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.extras.keras.keras_worker import Worker

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
Ask = Callable[[str], Worker]

# Programs in PyTorch with the same fault: their finding has the same name.
TWINS = {
    "keras_double_softmax": "double_softmax", "keras_no_output_activation": "logits_as_probabilities",
    "keras_relu_regression": "wrong_output_activation", "keras_no_activations": "missing_nonlinearity",
    "keras_zero_weights": "symmetric_init", "keras_unscaled_pixels": "unscaled_input",
    "keras_house_prices": "unscaled_target", "keras_rate_too_low": "lr_too_low", "keras_rate_too_high": "lr_too_high",
    "keras_rare_class": "class_imbalance", "keras_labels_from_one": "label_out_of_range",
    "keras_resampled_before_split": "split_overlap", "keras_sorted_classes": "unshuffled_data",
    "keras_squared_error_for_classes": "mismatched_loss", "keras_heavy_dropout": "oversized_dropout",
}  # fmt: skip


def header(path: Path, name: str) -> list[str]:
    found = re.search(rf"^# {name}: (.+)$", path.read_text(), re.MULTILINE)
    return found[1].split() if found else []


def cases(folder: str) -> list[Any]:
    return [
        pytest.param(path, backend, id=f"{path.stem}-{backend}")
        for path in sorted((HERE / folder).glob("*.py"))
        for backend in header(path, "backends") or ["torch"]
    ]


def found_in(worker: Ask, path: Path, backend: str) -> dict[str, Any]:
    answer = worker(backend).ask(what="run", program=str(path), options=["--every", "4"])
    assert "error" not in answer, answer
    assert "switched off" not in answer["said"], answer["said"]
    assert answer["report"]["run"]["steps"] or header(path, "exits"), answer["said"]
    return dict(answer["report"])


@pytest.mark.parametrize(("path", "backend"), cases("sick"))
def test_finds_the_fault(worker: Ask, path: Path, backend: str) -> None:
    (expected,) = header(path, "expect")
    report = found_in(worker, path, backend)
    hits = [f for f in report["findings"] if f["check"] == expected and f["severity"] != "note"]
    assert hits, [f["check"] for f in report["findings"]]
    marked = {i for i, line in enumerate(path.read_text().splitlines(), 1) if line.endswith("# fault")}
    places = {(f["location"] or {}).get("line") for f in hits}
    assert not marked or places & {line + off for line in marked for off in range(-3, 4)}, (places, marked)


@pytest.mark.parametrize(("path", "backend"), cases("healthy"))
def test_is_quiet_where_nothing_is_wrong(worker: Ask, path: Path, backend: str) -> None:
    report = found_in(worker, path, backend)
    assert [f for f in report["findings"] if f["severity"] != "note"] == []


@pytest.mark.parametrize(("mine", "twin"), list(TWINS.items()))
def test_the_finding_has_the_name_that_it_has_in_pytorch(mine: str, twin: str) -> None:
    assert header(HERE / "sick" / f"{mine}.py", "expect") == header(ROOT / "tests" / "sick" / f"{twin}.py", "expect")


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
def test_training_is_the_same_to_the_last_bit(worker: Ask, backend: str) -> None:
    program = str(HERE / "programs" / "twin.py")
    plain = worker(backend).ask(what="plain", program=program)
    watched = worker(backend).ask(what="watched", program=program)
    assert "error" not in plain, plain
    assert plain.pop("wrapped") is False
    assert watched.pop("wrapped") is True
    assert watched == plain


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_a_callback_watches_each_training(worker: Ask, backend: str) -> None:
    answer = worker(backend).ask(what="printed", program=str(HERE / "programs" / "called_back.py"))
    lines = [line for line in answer["said"].splitlines() if line.startswith("found")]
    assert lines == ["found True 32 ['double-softmax']"] * 2, answer
