"""float16 training without loss scaling, or with a scaler that keeps skipping steps."""

import pytest

from netvet.checks.unscaled_half_precision import unscaled_half_precision
from netvet.core import Facts, Location


def precision(**more):
    record = {"autocast": "float16", "half_without_scaler": True, "underflow_share": 0.4}
    return Facts.of({**record, "file": "train.py", "line": 40, **more})


def test_fires_on_gradients_that_vanish():
    (finding,) = unscaled_half_precision(precision())
    assert finding.message == (
        "float16 gradients are computed without loss scaling, and 40% of their elements are exactly 0"
    )
    assert finding.location == Location("train.py", 40)
    assert finding.severity == "warning"


@pytest.mark.parametrize("share", [0.0, 0.005, None])
def test_is_a_note_when_nothing_vanishes(share):
    assert [f.severity for f in unscaled_half_precision(precision(underflow_share=share))] == ["note"]


@pytest.mark.parametrize(
    "made", [precision(half_without_scaler=False), Facts.of({"autocast": "bfloat16"}), Facts.of({})]
)
def test_is_quiet_on_other_precisions(made):
    assert unscaled_half_precision(made) == []


def scaler(share, steps=1000):
    return Facts.of({"skipped_after_warmup": share, "steps": steps})


@pytest.mark.parametrize(("share", "severity"), [(0.2, "warning"), (0.9, "error")])
def test_fires_on_a_scaler_that_keeps_skipping(share, severity):
    (finding,) = unscaled_half_precision(Facts(), scaler(share))
    assert finding.severity == severity
    assert f"skipped {share:.0%} of the steps" in finding.message


@pytest.mark.parametrize("made", [scaler(0.0005), scaler(0.1, 20), scaler(None), scaler(0.5, None), Facts.of({})])
def test_is_quiet_on_a_scaler_that_finds_its_scale(made):
    assert unscaled_half_precision(Facts(), made) == []
