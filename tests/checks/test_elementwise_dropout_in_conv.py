"""Dropout of single pixels of feature maps."""

from netvet.checks.elementwise_dropout_in_conv import elementwise_dropout_in_conv
from netvet.core import Facts

DROP = {"name": "drop", "cls": "Dropout", "input_shape": [8, 16, 14, 14], "settings": {"p": 0.2}}
CONV = {"name": "conv", "cls": "Conv2d", "called": 1}


def found(**changes):
    return elementwise_dropout_in_conv(Facts.of({**DROP, **changes}, CONV))


def test_names_the_layer():
    assert "feature maps of 14 x 14" in found()[0].message


def test_is_quiet_on_dropout_2d_vectors_attention_and_missing_fields():
    assert not found(cls="Dropout2d")
    assert not found(input_shape=[8, 16])
    assert not found(name="attention.drop")
    assert not found(settings=None)
    assert not elementwise_dropout_in_conv(Facts.of(DROP))
