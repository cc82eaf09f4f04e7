"""Successive gradients that have nothing in common."""

from netvet.checks.noisy_gradient import noisy_gradient
from netvet.core import Facts, LayerSeries


def test_fires_beyond_the_limit():
    found = noisy_gradient(LayerSeries.of(**{"(all)": [-0.8] * 60}))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert noisy_gradient(LayerSeries.of(a=[0.0] * 60)) == []
    assert noisy_gradient(LayerSeries.of(a=[-0.8] * 10)) == []
    assert noisy_gradient(LayerSeries.of(a=[])) == []


def policy(mean=9.4, std=0.9, ratio=80.0):
    cosines = LayerSeries.of(**{"(all)": [0.02, -0.02] * 60})
    return noisy_gradient(cosines, Facts.of({"ratio": ratio}), Facts.of({"mean": mean, "std": std, "samples": 32}))


def test_warns_of_a_policy_gradient_without_a_baseline():
    (finding,) = policy()
    assert finding.severity == "warning"
    assert "9.4" in finding.message


def test_is_quiet_on_advantages_and_on_a_clear_gradient():
    assert policy(mean=0.1) == []
    assert policy(ratio=2.0) == []
