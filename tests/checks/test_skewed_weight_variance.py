"""A layer whose weights spread far beyond their initial scale."""

from netvet.checks.skewed_weight_variance import skewed_weight_variance
from netvet.core import Facts, LayerSeries


def test_fires_beyond_the_limit():
    found = skewed_weight_variance(LayerSeries.of(w=[1.05**i for i in range(120)]))
    assert found
    assert any(c.isdigit() for c in found[0].message)


def test_is_quiet_on_look_alikes_and_below_the_limit():
    assert skewed_weight_variance(LayerSeries.of(w=[1.0 + 0.01 * i for i in range(120)])) == []
    assert skewed_weight_variance(LayerSeries.of(w=[])) == []


def test_is_quiet_on_the_scales_of_norms_that_began_equal():
    scales = [0.0, *[3e-6 * i for i in range(1, 120)]]
    layers = {"net.0.weight": [0.07] * 120, "net.1.weight": scales, "net.3.weight": [0.06] * 120}
    assert skewed_weight_variance(LayerSeries.of(**layers)) == []


def test_scales_of_norms_go_where_they_like():
    grown = LayerSeries.of(**{"bn.weight": [0.01 * 1.05**i for i in range(120)]})
    assert len(skewed_weight_variance(grown)) == 1
    assert skewed_weight_variance(grown, None, Facts.of({"name": "bn.weight", "layer_type": "BatchNorm1d"})) == []
