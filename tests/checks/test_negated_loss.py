"""A loss with the wrong sign: the optimizer makes predictions worse."""

import pytest

from netvet.checks.negated_loss import negated_loss
from netvet.core import Facts, Location


def loss(**more):
    record = {"site": "train.py:44", "file": "train.py", "line": 44, "phase": "train", "function": "cross_entropy"}
    return {**record, "feeds_backward": True, **more}


def optimizer(maximize=False, **more):
    return {"name": "SGD", "cls": "SGD", "steps": 100, "groups": [{"lr": 0.1, "maximize": maximize}], **more}


def test_fires_on_a_minus_sign():
    (finding,) = negated_loss(Facts.of(loss(share=1.0, factor=-1.0)), Facts.of(optimizer()))
    assert finding.message.startswith("cross_entropy enters backward with a minus sign")
    assert finding.location == Location("train.py", 44)


def test_fires_on_maximize():
    made = optimizer(maximize=True, file="train.py", line=20)
    (finding,) = negated_loss(Facts.of(loss(share=1.0, factor=1.0)), Facts.of(made))
    assert "SGD has maximize=True" in finding.message
    assert finding.location == Location("train.py", 20)


def test_fires_on_what_the_probe_saw():
    contract = Facts.of(
        {"site": "train.py:44", "perfect": 0.0, "constant": -2.3, "worst": -20, "descends_toward_target": False}
    )
    (finding,) = negated_loss(Facts.of(loss()), None, contract)
    assert finding.evidence == {"perfect": 0.0, "constant": -2.3, "worst": -20}


@pytest.mark.parametrize(("share", "factor"), [(1.0, 1.0), (1.0, 0.25), (-0.4, -1.0), (3.0, -1.0), (None, None)])
def test_is_quiet_on_other_shares(share, factor):
    assert negated_loss(Facts.of(loss(share=share, factor=factor)), Facts.of(optimizer())) == []


def test_a_log_likelihood_without_its_minus_sign():
    (finding,) = negated_loss(Facts.of(loss(function="log_prob", share=1.0, factor=-1.0)), Facts.of(optimizer()))
    assert finding.message.startswith("the log-likelihood of the data enters backward without a minus sign")


def test_is_quiet_on_a_doubly_negated_loss():
    assert negated_loss(Facts.of(loss(share=1.0, factor=-1.0)), Facts.of(optimizer(maximize=True))) == []


def test_is_quiet_on_an_adversary():
    two = Facts.of(optimizer(), optimizer(name="SGD#2"))
    assert negated_loss(Facts.of(loss(share=1.0, factor=-1.0)), two) == []
    assert (
        negated_loss(Facts.of(loss(share=1.0, factor=-1.0), loss(share=1.0, site="train.py:50")), Facts.of(optimizer()))
        == []
    )
    real = loss(function="binary_cross_entropy_with_logits", share=1.0, factor=-1.0, target={"distinct": 1})
    assert negated_loss(Facts.of(real), Facts.of(optimizer())) == []


def test_is_quiet_on_policy_gradients_and_densities():
    assert negated_loss(Facts.of(loss(reduction="none", share=1.0, factor=-1.0)), Facts.of(optimizer())) == []
    assert (
        negated_loss(Facts.of(loss(function="gaussian_nll_loss", share=1.0, factor=-1.0)), Facts.of(optimizer())) == []
    )
    assert negated_loss(Facts(), Facts.of(optimizer(maximize=True))) == []


def test_is_quiet_on_a_probe_that_prefers_the_truth():
    contract = Facts.of({"site": "train.py:44", "perfect": 0.0, "constant": 2.3, "descends_toward_target": True})
    assert negated_loss(Facts.of(loss()), None, contract) == []


def test_is_quiet_without_fields():
    assert negated_loss(Facts.of({}), Facts.of({}), Facts.of({})) == []


@pytest.mark.parametrize(("nearer", "maximize", "count"), [(False, False, 1), (True, False, 0), (False, True, 0)])
def test_a_loss_of_the_scripts_own(nearer, maximize, count):
    contract = Facts.of({"site": "train.py:9", "function": None, "descends_toward_target": nearer})
    assert len(negated_loss(None, Facts.of(optimizer(maximize)), contract)) == count


def penalty(**more):
    made = {"is_data": False, "away_from_zero": 1.0, "degree": 2.0, "file": "train.py", "line": 51, "backward": "a:9"}
    return Facts.of({**made, **more})


def test_fires_on_a_penalty_that_is_subtracted():
    (finding,) = negated_loss(loss_terms=penalty())
    assert finding.location == Location("train.py", 51)


@pytest.mark.parametrize(
    "other", [{"is_data": True}, {"away_from_zero": 0.9}, {"degree": -3.1}, {"degree": 0.0}, {"degree": None}]
)
def test_is_quiet_on_other_terms(other):
    assert negated_loss(loss_terms=penalty(**other)) == []
