"""A loss that is summed where it should be averaged."""

import math

import pytest

from netvet.checks.unreduced_loss import unreduced_loss
from netvet.core import Facts, LayerSeries, Location

SGD = Facts.of({"name": "SGD", "cls": "SGD", "steps": 300})
ADAM = Facts.of({"name": "Adam", "cls": "Adam", "steps": 300})
DIVERGED = LayerSeries.of(a=[140.0] * 5 + [math.nan] * 20)
FLAT = LayerSeries.of(a=[140.0, 150.0, 145.0] * 20)
LEARNED = LayerSeries.of(a=[140.0 * 0.95**i for i in range(60)])


def summed(**more):
    record = {"site": "train.py:44", "file": "train.py", "line": 44, "phase": "train", "function": "cross_entropy"}
    return Facts.of({**record, "reduction": "sum", "batch": 64, "feeds_backward": True, **more})


def accumulated(**more):
    return Facts.of({"micro_batches": 8, "ratio": 8.0, "divided": False, "optimizer": "SGD", **more})


def test_fires_on_a_sum_that_diverges():
    (finding,) = unreduced_loss(summed(), SGD, loss=DIVERGED)
    assert finding.message == (
        "cross_entropy is summed over 64 samples: SGD takes steps 64 times as large; the loss became NaN or infinite"
    )
    assert finding.location == Location("train.py", 44)
    assert finding.severity is None


def test_fires_on_accumulation_that_is_not_divided():
    (finding,) = unreduced_loss(Facts(), SGD, accumulation=accumulated(), loss=FLAT)
    assert "8 micro-batches are added up without dividing by 8" in finding.message


def test_fires_on_a_probe_that_sees_the_gradient_double():
    contract = Facts.of({"site": "train.py:44", "batch_scaling": 2.0})
    assert unreduced_loss(summed(reduction="none"), SGD, contract, loss=FLAT)


def test_fires_on_huge_updates():
    updates = LayerSeries.of(a=[0.5] * 20, b=[0.3] * 20)
    (finding,) = unreduced_loss(summed(), SGD, loss=LEARNED, update_ratio=updates)
    assert "change the weights by 40%" in finding.message


def test_without_harm_it_is_a_note():
    assert [f.severity for f in unreduced_loss(summed(), SGD, loss=LEARNED)] == ["note"]
    assert [f.severity for f in unreduced_loss(Facts(), SGD, accumulation=accumulated(), loss=LEARNED)] == ["note"]


def test_a_flat_loss_is_not_blamed_on_steps_that_are_not_too_large():
    probe = Facts.of({"best": 3.0})
    assert [f.severity for f in unreduced_loss(summed(), SGD, loss=FLAT, lr_probe=probe)] == ["note"]


def test_is_quiet_with_a_scale_free_optimizer():
    assert unreduced_loss(summed(), ADAM, accumulation=accumulated(optimizer="Adam"), loss=FLAT) == []


@pytest.mark.parametrize(
    "losses",
    [
        summed(reduction="mean"),
        summed(share=64.0),
        summed(batch=1),
        summed(feeds_backward=False),
        summed(phase="eval"),
        summed(batch=None),
    ],
)
def test_is_quiet_on_means_and_on_sums_divided_by_hand(losses):
    assert unreduced_loss(losses, SGD, loss=DIVERGED) == []


def test_is_quiet_when_the_probe_sees_a_mean():
    contract = Facts.of({"site": "train.py:44", "batch_scaling": 1.0})
    assert unreduced_loss(summed(), SGD, contract, loss=DIVERGED) == []


def test_is_quiet_on_divided_accumulation():
    assert unreduced_loss(Facts(), SGD, accumulation=accumulated(divided=True), loss=FLAT) == []


def test_is_quiet_without_fields():
    assert unreduced_loss(Facts.of({}), Facts.of({})) == []
    assert unreduced_loss(Facts.of({}), SGD, Facts.of({}), Facts.of({}), LayerSeries({}), LayerSeries({})) == []


JUMPED = LayerSeries.of(a=[2.3, 2.1, 11.0, 46.0, 3.0, *[2.33] * 60])


def probed(*values):
    return Facts.of({"multiples": [0.1, 1.0, 10.0], "losses": list(values), "start": 2.3, "best": 1.0})


def test_takes_copies_that_step_on_each_batch_for_evidence_against_an_undivided_sum():
    (finding,) = unreduced_loss(Facts.of(), SGD, accumulation=accumulated(), loss=JUMPED, lr_probe=probed(2.0, 0.3, 4))
    assert finding.severity is None
    assert "0.3 at this rate" in finding.message
    (finding,) = unreduced_loss(Facts.of(), SGD, accumulation=accumulated(), loss=JUMPED, lr_probe=probed(2, 0.3, None))
    assert finding.severity is None


@pytest.mark.parametrize("losses", [(2.0, 0.3, 0.9), (2.0, 2.29, 4.0), (2.0, None, 4.0)])
def test_only_notes_an_undivided_sum_where_the_copies_tell_of_no_harm(losses):
    (finding,) = unreduced_loss(Facts.of(), SGD, accumulation=accumulated(), loss=JUMPED, lr_probe=probed(*losses))
    assert finding.severity == "note"


def test_only_notes_an_undivided_sum_that_learns_or_that_the_copies_do_not_compare_with():
    tried = probed(2.0, 0.3, 4.0)
    (finding,) = unreduced_loss(Facts.of(), SGD, accumulation=accumulated(), loss=LEARNED, lr_probe=tried)
    assert finding.severity == "note"
    few = accumulated(micro_batches=2)
    assert unreduced_loss(Facts.of(), SGD, accumulation=few, loss=JUMPED, lr_probe=tried)[0].severity == "note"
