"""A last bias that starts far from the mean target."""

from netvet.checks.wrong_final_bias import wrong_final_bias
from netvet.core import Facts

SICK = {
    "layer": "head",
    "loss_now": 2500.0,
    "loss_with_bias": 100.0,
    "predicted": 0.1,
    "wanted": 50.0,
    "layer_file": "net.py",
    "layer_line": 2,
}


def found(**changes):
    return wrong_final_bias(Facts.of({**SICK, **changes}))


def test_fires_with_the_numbers_and_the_place():
    (finding,) = found()
    assert "from 2500 to 100" in finding.message
    assert str(finding.location) == "net.py:2"


def test_is_quiet_on_look_alikes_and_missing_values():
    assert not found(loss_with_bias=2400.0)
    assert not found(loss_now=None)
    assert not found(loss_with_bias=None)
    assert not wrong_final_bias(Facts.of({}))


RARE = {
    "site": "t:4",
    "layer": "head",
    "function": "binary_cross_entropy_with_logits",
    "predicted": [0.9],
    "wanted": [0.1],
    "loss_now": 2.1,
    "loss_with_bias": 0.33,
    "even": 0.693,
    "values": 1,
}
SHARES = {"site": "t:4", "phase": "train", "kind": "binary", "mean": 0.1, "samples": 4000}


def severity(record, target):
    return [f.severity for f in wrong_final_bias(Facts.of(record), Facts.of(target))]


def test_warns_where_a_zero_bias_would_have_been_better():
    assert severity(RARE, SHARES) == ["warning"]


def test_a_zero_bias_before_a_rare_class_is_a_note():
    zero = {**RARE, "predicted": [0.5], "loss_now": 0.693, "loss_with_bias": 0.098}
    assert severity(zero, {**SHARES, "mean": 0.02}) == ["note"]


def test_warns_of_a_zero_bias_before_a_mask_of_rare_positives():
    mask = {**RARE, "predicted": [0.5], "loss_now": 0.693, "loss_with_bias": 0.098, "values": 400}
    assert severity(mask, {**SHARES, "mean": 0.02}) == ["warning"]


def test_a_batch_of_one_class_does_not_make_the_shares():
    tiny = {**RARE, "predicted": [0.5], "wanted": [0.0], "loss_now": 0.7, "loss_with_bias": 0.0001}
    assert severity(tiny, {**SHARES, "mean": 0.5}) == []


def test_is_quiet_where_few_targets_were_seen():
    assert severity(RARE, {**SHARES, "samples": 60}) == []


def test_compares_all_classes():
    sick = {**RARE, "function": "cross_entropy", "predicted": [0.98, 0.01, 0.01], "loss_now": 4.0, "even": 1.0986}
    counts = {**SHARES, "kind": "classes", "counts": [10, 500, 490]}
    assert severity(sick, counts) == ["warning"]
    assert severity({**sick, "predicted": [0.4, 0.3, 0.3], "loss_now": 1.2}, counts) == []


OFF = {
    **SICK,
    "site": "t:4",
    "function": "mse_loss",
    "predicted": [151.0],
    "wanted": [-0.1],
    "loss_now": 22800.0,
    "loss_with_bias": 0.7,
}
NUMBERS = {"site": "t:4", "phase": "train", "kind": "regression", "mean": 0.0, "std": 1.0, "samples": 4000}


def test_warns_of_a_bias_at_the_mean_before_the_targets_were_standardised():
    assert severity(OFF, NUMBERS) == ["warning"]


def test_the_first_batch_is_not_the_mean_of_the_targets():
    ordered = {**OFF, "predicted": [-0.17], "wanted": [-2.1], "loss_now": 3.7, "loss_with_bias": 0.015}
    assert severity(ordered, NUMBERS) == []
    single = {**OFF, "predicted": [-0.02], "wanted": [-0.53], "loss_now": 0.26, "loss_with_bias": 0.0}
    assert severity(single, NUMBERS) == []
