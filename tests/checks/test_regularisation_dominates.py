"""A penalty or weight decay that pulls harder than the data."""

import math

import pytest

from netvet.checks.regularisation_dominates import regularisation_dominates
from netvet.core import Facts, LayerSeries, Location

STUCK = LayerSeries.of(a=[2.3] * 100)
LEARNED = LayerSeries.of(a=[2.3 * 0.97**i for i in range(100)])


def optimizer(decay, cls="SGD", names=("a.weight", "b.weight"), lr=0.1):
    group = {"lr": lr, "weight_decay": decay, "names": list(names)}
    return Facts.of({"name": cls, "cls": cls, "steps": 100, "groups": [group], "file": "train.py", "line": 20})


def both(values):
    return LayerSeries({"a.weight": LayerSeries.of(a=values)["a"], "b.weight": LayerSeries.of(a=values)["a"]})


SHRINKING = both([5.0 * 0.95**i for i in range(100)])
GRADS = both([0.3] * 100)


def test_fires_on_coupled_decay_that_wins():
    (finding,) = regularisation_dominates(optimizer(1.0), STUCK, None, SHRINKING, GRADS)
    assert "weight decay 1 of SGD pulls 15 times as hard as the data" in finding.message
    assert "from 2.3 to 2.3" in finding.message
    assert finding.location == Location("train.py", 20)
    assert finding.evidence == {"weight_decay": 1.0}


def test_fires_on_decoupled_decay_that_wins():
    # Each step takes 2 % off, of an update that is 2.2 % in all.
    made, updates = optimizer(20.0, "AdamW", lr=1e-3), both([0.022] * 100)
    (finding,) = regularisation_dominates(made, STUCK, None, SHRINKING, None, updates)
    assert "AdamW" in finding.message


def test_uses_the_rate_of_the_step():
    made, updates = optimizer(20.0, "AdamW", lr=0.0), both([0.022] * 100)
    rates = LayerSeries({"AdamW/0": LayerSeries.of(a=[1e-3] * 100)["a"]})
    assert regularisation_dominates(made, STUCK, None, SHRINKING, None, updates, rates)


@pytest.mark.parametrize("decay", [0.0, 1e-4, 5e-4, 1e-2])
def test_is_quiet_on_usual_decay(decay):
    assert regularisation_dominates(optimizer(decay), STUCK, None, SHRINKING, GRADS) == []


def test_is_quiet_when_the_loss_is_learned_all_the_same():
    assert regularisation_dominates(optimizer(1.0), LEARNED, None, SHRINKING, GRADS) == []


def test_is_quiet_when_the_weights_do_not_shrink():
    assert regularisation_dominates(optimizer(1.0), STUCK, None, both([5.0] * 100), GRADS) == []


def test_is_quiet_on_adamw_with_its_usual_decay():
    made, updates = optimizer(0.1, "AdamW", lr=1e-3), both([0.01] * 100)
    assert regularisation_dominates(made, STUCK, None, SHRINKING, None, updates) == []


def terms(penalty, data=0.5, is_data=False):
    return Facts.of(
        {"backward": "train.py:9", "term": "cross entropy", "is_data": True, "grad_norm": data},
        {
            "backward": "train.py:9",
            "term": "sum",
            "is_data": is_data,
            "grad_norm": penalty,
            "file": "t.py",
            "line": 8,
        },
    )


def test_fires_on_a_penalty():
    (finding,) = regularisation_dominates(Facts(), loss_terms=terms(40.0))
    assert finding.message == "the penalty (sum) has a gradient of 40 against 0.5 of the data loss, 80 times as much"
    assert finding.location == Location("t.py", 8)


@pytest.mark.parametrize("made", [terms(4.0), terms(40.0, is_data=True), terms(40.0, data=0.0), terms(None)])
def test_is_quiet_on_small_penalties_data_terms_and_unknown_gradients(made):
    assert regularisation_dominates(Facts(), loss_terms=made) == []


VANISHING, BLIND = both([5.0 * 0.9**i for i in range(100)]), Facts.of({"real": 1.07, "shuffled": 1.07})


def test_an_even_pull_is_enough_where_weights_vanish_and_the_net_goes_blind():
    (finding,) = regularisation_dominates(Facts(), None, terms(1.0), VANISHING, input_ablation=BLIND)
    assert "2 times as much" in finding.message


def test_is_quiet_on_an_even_pull_that_leaves_a_net_that_uses_its_input():
    seeing = Facts.of({"real": 0.4, "shuffled": 1.9})
    assert regularisation_dominates(Facts(), None, terms(1.0), VANISHING, input_ablation=seeing) == []
    assert regularisation_dominates(Facts(), None, terms(1.0), both([5.0] * 100), input_ablation=BLIND) == []


def test_is_quiet_without_fields_and_on_short_or_broken_series():
    short = LayerSeries.of(a=[2.3])
    assert regularisation_dominates(Facts.of({}), short, Facts.of({}), LayerSeries({})) == []
    broken = both([math.nan] * 100)
    assert regularisation_dominates(optimizer(1.0), STUCK, None, broken, broken, broken) == []
    assert regularisation_dominates(optimizer(1.0), STUCK, None, both([0.0] * 100), both([0.0] * 100)) == []


def of_outputs(share, compares=False):
    data = {"backward": "t:9", "is_data": True, "compares": True, "term": "binary_cross_entropy", "grad_norm": 0.12}
    return Facts.of(
        data, {**data, "compares": compares, "term": "sum", "grad_norm": 0.12 * share, "line": 7, "file": "t"}
    )


BLIND = Facts.of({"real": 0.424, "shuffled": 0.425})
SEEING = Facts.of({"real": 0.28, "shuffled": 0.64})


def test_fires_on_a_term_of_the_outputs_alone_that_left_no_use_of_the_input():
    (finding,) = regularisation_dominates(Facts(), loss_terms=of_outputs(500), input_ablation=BLIND)
    assert "the term of the outputs alone (sum)" in finding.message
    assert "500 times as much" in finding.message
    assert finding.location == Location("t", 7)


@pytest.mark.parametrize(
    ("share", "compares", "ablation"),
    [(500, False, SEEING), (500, False, Facts()), (2, False, BLIND), (500, True, BLIND), (500, None, BLIND)],
)
def test_is_quiet_on_terms_of_the_outputs_that_do_no_harm(share, compares, ablation):
    assert regularisation_dominates(Facts(), loss_terms=of_outputs(share, compares), input_ablation=ablation) == []
