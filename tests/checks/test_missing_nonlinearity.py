"""Two linear layers in a row with nothing but affine operations between."""

from netvet.checks.missing_nonlinearity import missing_nonlinearity
from netvet.core import Facts


def linear(at, name, shape, *data, op="Addmm"):
    weight = {"id": at + 2, "op": "AccumulateGrad", "next": [], "parameter": name, "shape": shape}
    here = {"line": 5, "file": "net.py"}
    turn = {"id": at + 1, "op": "T", "next": [at + 2]}
    return [{"id": at, "op": op, "next": [*data, at + 1], **here}, turn, weight]


def pair(first, second, *between, names=("a.weight", "b.weight")):
    nodes, target = [], 10
    for i, op in enumerate(reversed(between)):
        nodes.append({"id": 20 + i, "op": op, "next": [target]})
        target = 20 + i
    return [*linear(0, names[1], second, target), *nodes, *linear(10, names[0], first)]


def found(*nodes):
    return missing_nonlinearity(Facts.of(*nodes))


def test_fires_on_two_layers_and_through_views_and_dropout():
    (finding,) = found(*pair([64, 64], [10, 64]))
    assert finding.message.startswith("1 pair of linear layers (a -> b)")
    assert str(finding.location) == "net.py:5"
    assert found(*pair([64, 64], [10, 64], "View", "NativeDropout", "NativeBatchNorm"))


def test_is_quiet_on_anything_else_between():
    for op in ("Relu", "Gelu", "NativeLayerNorm", "Mean", "MaxPool2DWithIndices", "PixelShuffle", "Cat", "Bmm"):
        assert not found(*pair([64, 64], [10, 64], op))


def test_is_quiet_on_low_rank_tied_and_projections():
    assert not found(*pair([8, 64], [64, 8]))
    assert not found(*pair([64, 64], [64, 64], names=("a.weight", "a.weight")))
    assert not found(*pair([64, 64], [192, 64], names=("a.weight", "gru.weight_ih_l0")))


def test_is_quiet_on_depthwise_and_separable_convolutions():
    assert not found(*pair([8, 8, 1, 3], [8, 8, 3, 1]))
    nodes = pair([32, 16, 3, 3], [32, 1, 3, 3])
    assert not found(*nodes)


def test_is_quiet_when_the_output_is_used_twice():
    assert not found(*pair([64, 64], [10, 64]), {"id": 90, "op": "Sum", "next": [10]})


def test_is_quiet_when_the_result_enters_attention():
    assert not found(*pair([64, 64], [64, 64]), {"id": 90, "op": "Bmm", "next": [0]})


def test_is_quiet_without_fields():
    assert not found({}, {"id": 0}, {"id": 1, "op": "Addmm", "next": [7]})


def test_takes_a_multiplication_for_affine_only_where_dropout_made_it():
    for function, fires in (("dropout", True), ("mul", False), (None, False)):
        nodes = pair([64, 64], [10, 64], "Mul")
        nodes = [{**n, "function": function} if n["op"] == "Mul" else n for n in nodes]
        assert bool(found(*nodes)) is fires


def test_is_quiet_when_its_parts_enter_attention():
    split = {"id": 90, "op": "SplitWithSizes", "next": [0]}
    assert not found(*pair([64, 64], [192, 64]), split, {"id": 91, "op": "Bmm", "next": [90]})


def test_fires_where_the_bias_is_added_by_hand_to_every_row():
    bias = [
        {"id": 20, "op": "Add", "next": [10, 21]},
        {"id": 21, "op": "Expand", "next": [22]},
        {"id": 22, "op": "AccumulateGrad", "next": [], "parameter": "a.bias", "shape": [64]},
    ]
    assert found(*linear(0, "b.weight", [10, 64], 20), *bias, *linear(10, "a.weight", [64, 64]))
