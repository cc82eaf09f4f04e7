"""Steps of the wrong length for the weights."""

import pytest

from netvet.checks.tiny_updates import tiny_updates
from netvet.core import Facts, LayerSeries, Series

FALLING = LayerSeries.of(b=[2.3 - 0.02 * i for i in range(100)])
FLAT = LayerSeries.of(b=[2.3, 2.31] * 50)


@pytest.mark.parametrize(
    "found",
    [
        lambda: tiny_updates(LayerSeries.of(a=[1e-7] * 30)),
        lambda: tiny_updates(LayerSeries.of(a=[1e-7] * 30, c=[1e-7] * 30, d=[1e-3] * 30), FLAT),
    ],
)
def test_fires(found):
    findings = found()
    assert findings
    assert findings[0].severity != "note"
    assert any(c.isdigit() for c in findings[0].message)


@pytest.mark.parametrize(
    "found",
    [
        lambda: tiny_updates(LayerSeries.of(a=[1e-3] * 30)),
        lambda: tiny_updates(LayerSeries.of(a=[1e-7] * 10 + [1e-3] * 30)),
        lambda: tiny_updates(LayerSeries.of(a=[0.0] * 30)),
        lambda: tiny_updates(LayerSeries.of(**{"a.bias": [1e-7] * 30})),
        lambda: tiny_updates(LayerSeries.of(a=[1e-7] * 5)),
        lambda: tiny_updates(LayerSeries.of(a=[])),
        lambda: tiny_updates(LayerSeries.of(a=[1e-7] * 30, c=[1e-3] * 30, d=[1e-3] * 30)),
    ],
)
def test_is_quiet_on_look_alikes_and_below_the_limit(found):
    assert found() == []


def test_a_note_on_what_learns_all_the_same():
    assert {f.severity for f in tiny_updates(LayerSeries.of(a=[1e-7] * 30), FALLING)} == {"note"}


def uneven(model=0.79, loaded=False):
    moves = LayerSeries(
        {n: Series.of([v] * 30, steps=range(0, 600, 20)) for n, v in {"a.weight": 1e-6, "b.weight": 2e-3}.items()}
    )
    falling = LayerSeries.of(b=[1.0 - 0.001 * i for i in range(600)])
    scores = {"split": "val", "score": "accuracy", "samples": 500, "model": model, "linear": 0.8, "nearest": 0.91}
    return tiny_updates(moves, falling, Facts.of(scores), Facts.of({"loaded": loaded}))


def test_layers_that_keep_their_noise_in_a_net_behind_a_simple_learner_are_a_warning():
    (finding,) = uneven()
    assert finding.severity is None
    assert "the nearest neighbour 0.91" in finding.message


def test_only_notes_for_a_net_that_is_not_behind_or_was_loaded():
    assert [f.severity for f in (*uneven(model=0.92), *uneven(loaded=True))] == ["note", "note"]
