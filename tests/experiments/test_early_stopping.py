"""A net that learns wrong labels by heart, and one that gets better to the end."""

from netvet.experiments.early_stopping import early_stopping
from tests.experiments.regularised import adam, digits, digits_problem, mlp, outcome


def test_advises_to_stop_where_wrong_labels_are_learned_by_heart(monkeypatch):
    noisy = digits_problem(digits(400, 800, wrong=0.5), model=mlp(256), optimizer=adam(3e-3))
    found = outcome(early_stopping, noisy, monkeypatch, steps=400)
    assert found.verdict == "advice"
    assert found.suspects == ("overfitting",)
    assert found.evidence["best_step"] < 300


def test_passes_a_training_that_does_not_become_worse(monkeypatch):
    assert outcome(early_stopping, digits_problem(), monkeypatch, steps=300).verdict in ("passed", "undetermined")
    found = outcome(early_stopping, digits_problem(whole=60), monkeypatch)
    assert found.verdict == "passed"
