"""A fully connected head that holds most of a convolutional net."""

from netvet.checks.oversized_head import oversized_head
from netvet.core import Facts

CONV = {"name": "conv", "model": "Net", "cls": "Conv2d", "parameters": 5_000, "called": 1}
HEAD = {"name": "fc", "model": "Net", "cls": "Linear", "parameters": 400_000, "called": 1}


def test_names_the_layer():
    assert "99% of the parameters of Net (fc" in oversized_head(Facts.of(CONV, HEAD))[0].message


def test_is_quiet_on_small_nets_transformers_and_nets_without_convolutions():
    assert not oversized_head(Facts.of(CONV, {**HEAD, "parameters": 12_000}))
    assert not oversized_head(Facts.of(CONV, *[HEAD] * 12))
    assert not oversized_head(Facts.of(HEAD))
    assert not oversized_head(Facts.of({}))
