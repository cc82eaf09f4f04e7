"""Gradients that are clipped at nearly every step."""

import pytest

from netvet.checks.always_clipped import always_clipped
from netvet.core import Facts, Location

SGD = Facts.of({"name": "SGD", "cls": "SGD", "steps": 300})
ADAM = Facts.of({"name": "AdamW", "cls": "AdamW", "steps": 300})


def clip(**more):
    record = {"kind": "norm", "max_norm": 0.01, "calls": 300, "clipped_after_warmup": 0.97, "norm_median": 1.2}
    return Facts.of({**record, "file": "train.py", "line": 33, **more})


def test_fires_when_sgd_is_slowed_down():
    (finding,) = always_clipped(clip(), SGD)
    assert "97% of the gradients were clipped, from a norm of 1.2 to 0.01" in finding.message
    assert "120 times shorter" in finding.message
    assert finding.severity is None
    assert finding.location == Location("train.py", 33)


def test_is_a_note_for_optimizers_that_do_not_mind():
    assert [f.severity for f in always_clipped(clip(), ADAM)] == ["note"]
    assert [f.severity for f in always_clipped(clip())] == ["note"]


def test_is_a_note_a_little_above_the_limit():
    assert [f.severity for f in always_clipped(clip(max_norm=0.5), SGD)] == ["note"]


@pytest.mark.parametrize(
    "made",
    [
        clip(clipped_after_warmup=0.4),
        clip(calls=10),
        clip(max_norm=0),
        clip(norm_median=None),
        clip(clipped_after_warmup=None),
        Facts.of({}),
    ],
)
def test_is_quiet_below_the_limit(made):
    assert always_clipped(made, SGD) == []


def test_clipping_by_value_is_judged_by_what_is_left_of_the_norm():
    (finding,) = always_clipped(clip(kind="value", max_norm=1e-5, shortened=240.0), SGD)
    assert "from a norm of 1.2 to 0.005, so SGD takes steps 240 times shorter" in finding.message
    assert finding.severity is None
    assert [f.severity for f in always_clipped(clip(kind="value", max_norm=1e-5, shortened=3.0), SGD)] == ["note"]
