"""Weights that grow without end."""

from netvet.checks.growing_weights import growing_weights
from netvet.core import LayerSeries, Series


def test_fires_beyond_the_limit():
    found = growing_weights(LayerSeries.of(w=[1.05**i for i in range(120)]))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert growing_weights(LayerSeries.of(w=[1.0 + 0.01 * i for i in range(120)])) == []
    assert growing_weights(LayerSeries.of(w=[0.0] * 20 + [5.0] * 120)) == []
    assert growing_weights(LayerSeries.of(w=[])) == []


LOOKS = [0, 5, 10, 50, 100, 200, 340, 540, 900, 1470, 2300, 2870, 4490, 6000, 7500]
FELL = [3.0 * 0.99**i + 1.0 for i in range(3000)] + [1.0 + 0.01 * (i % 7) for i in range(4600)]


def looked_at(function):
    return LayerSeries({"w": Series.of([function(step) for step in LOOKS], LOOKS)})


def test_steady_growth_is_seen_over_few_looks_although_the_loss_fell():
    (found,) = growing_weights(looked_at(lambda s: 2.0 * 1.0004**s), LayerSeries.of(loss=FELL))
    assert found.severity is None
    assert found.message == "the norm of w grows by 0.04% in each step, from 2 to 40.1"


def test_steady_growth_is_a_note_while_the_loss_falls():
    falls = LayerSeries.of(loss=[8.0 - 0.001 * i for i in range(7600)])
    (found,) = growing_weights(looked_at(lambda s: 2.0 * 1.0004**s), falls)
    assert found.severity == "note"


def at_most_a_note(function, rate=None):
    return all(f.severity == "note" for f in growing_weights(looked_at(function), LayerSeries.of(loss=FELL), rate))


def test_growth_by_learning_is_not_steady():
    assert at_most_a_note(lambda s: 2.0 + 0.01 * s)  # Adam, in one direction
    assert at_most_a_note(lambda s: 0.01 + 9.0 * (1 - 0.999**s))  # from next to nothing
    assert at_most_a_note(lambda s: 10 / (1 + 1e4 * 0.995**s))  # out of a saddle, then no more


def test_growth_with_the_learning_rate_is_no_surprise():
    rate = LayerSeries({"SGD/0": Series.of([1e-4 * 1.0004**s for s in LOOKS], LOOKS)})
    assert at_most_a_note(lambda s: 2.0 * 1.0004**s, rate)
    assert not at_most_a_note(lambda s: 2.0 * 1.0004**s)
