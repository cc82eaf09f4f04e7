"""Biases that the following norm removes."""

from netvet.checks.bias_before_norm import bias_before_norm
from netvet.core import Facts

NORM = {"id": 0, "op": "NativeBatchNorm", "next": [1]}
CONV = {"id": 1, "op": "Convolution", "next": [2], "file": "net.py", "line": 2}
BIAS = {"id": 2, "op": "AccumulateGrad", "next": [], "parameter": "conv.bias", "shape": [8]}


def test_names_the_bias():
    (finding,) = bias_before_norm(Facts.of(NORM, CONV, BIAS))
    assert finding.message == "1 bias (conv.bias) is removed by the batch norm that follows it"


def test_is_quiet_in_eval_mode_without_bias_and_on_other_norms():
    assert not bias_before_norm(Facts.of({**NORM, "saved": {"training": False}}, CONV, BIAS))
    assert not bias_before_norm(Facts.of(NORM, CONV))
    assert not bias_before_norm(Facts.of({**NORM, "op": "NativeLayerNorm"}, CONV, BIAS))
    assert not bias_before_norm(Facts.of({}))
