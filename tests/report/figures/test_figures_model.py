"""The model as a graph: pieces, edges, and where gradients stop."""

import pytest

from netvet.core import Facts, LayerSeries
from netvet.report.figures.flow import pieces_of
from netvet.report.figures.model import MOST, graphs, group_of
from netvet.testing import PlainSignals

SITE = "train.py:9"


def node(number, op, inputs=(), module=None, site=SITE):
    return {"backward": site, "id": number, "op": op, "next": list(inputs), "module": module, "function": op.lower()}


def module(name, order, cls="Linear", parameters=10, root="Net", shape=(8, 4)):
    return {
        "name": name, "model": root, "cls": cls, "is_leaf": True, "order": order, "parameters": parameters,
        "total_parameters": parameters, "input_shape": list(shape), "output_shape": list(shape),
    }  # fmt: skip


def weight(layer, **facts):
    return {
        "name": f"{layer}.weight",
        "layer": layer,
        "requires_grad": True,
        "reached": True,
        "in_optimizer": True,
        **facts,
    }


# loss <- last.linear <- act <- first.linear, each linear with a transposed weight.
CHAIN = (
    node(0, "NllLoss", [1]),
    node(1, "Addmm", [2, 3], "last"), node(2, "Relu", [4], "act"), node(3, "T", [6], "last"),
    node(4, "Addmm", [5], "first"), node(5, "T", [7], "first"),
    node(6, "AccumulateGrad", [], "last"), node(7, "AccumulateGrad", [], "first"),
)  # fmt: skip
MODULES = (module("first", 1), module("act", 2, "ReLU", 0), module("last", 3))


WEIGHTS = (weight("first"), weight("last"))


def the_graphs(nodes=CHAIN, modules=MODULES, parameters=WEIGHTS, **signals):
    facts = {"graph": Facts(nodes), "modules": Facts(modules), "parameters": Facts(parameters)}
    return list(graphs(PlainSignals({**facts, **signals})))


def edges(graph):
    return {(one["source"].partition(":")[0], one["target"].partition(":")[0]): one["broken"] for one in graph["edges"]}


def health(graph):
    return {one["label"]: one["health"] for one in graph["nodes"]}


def test_a_chain_is_joined_from_input_to_loss():
    (graph,) = the_graphs()
    assert edges(graph) == {("first", "act"): False, ("act", "last"): False, ("last", "(nllloss)"): False}
    assert [one["label"] for one in graph["nodes"]] == ["first", "act", "last", "nllloss"]
    assert graph["nodes"][0]["value"] == "Linear, 8x4, 10 parameters"
    assert set(health(graph).values()) == {"healthy", "unknown"}


def test_a_residual_block_is_no_circle():
    nodes = [
        node(0, "MseLoss", [1]), node(1, "Add", [2, 3], "block"), node(2, "Addmm", [3], "block.inner"),
        node(3, "Add", [4, 5], "block"), node(4, "Addmm", [5], "block.first"), node(5, "Addmm", [], "stem"),
    ]  # fmt: skip
    pieces = pieces_of(nodes, None)
    order = list(pieces)
    assert all(order.index(one) < order.index(key) for key, piece in pieces.items() for one in piece.inputs)
    assert [name for name, _ in pieces].count("block") == 2
    # As one piece, the block is between what it takes and what takes it.
    assert [name for name, _ in pieces_of(nodes, 1)] == ["stem", "block", "(mseloss)"]


def test_a_module_that_is_called_twice_is_drawn_twice():
    nodes = [node(0, "Sum", [1]), node(1, "Relu", [2], "act"), node(2, "Mm", [3], "fc"), node(3, "Relu", [4], "act"),
             node(4, "Mm", [], "first")]  # fmt: skip
    (graph,) = the_graphs(nodes, [module(n, k) for k, n in enumerate(("first", "act", "fc"))], ())
    assert [one["label"] for one in graph["nodes"]] == ["first", "act (call 1)", "fc", "act (call 2)", "sum"]


def test_views_outside_of_modules_are_looked_through():
    nodes = [node(0, "MseLoss", [1]), node(1, "View", [2]), node(2, "Permute", [3]), node(3, "Mm", [], "fc")]
    (graph,) = the_graphs(nodes, [module("fc", 1)], ())
    assert edges(graph) == {("fc", "(mseloss)"): False}


def test_a_detached_module_is_joined_by_a_broken_edge_to_what_takes_its_output():
    (graph,) = the_graphs(
        modules=(module("trunk", 0), *MODULES), parameters=(weight("trunk", reached=False), *WEIGHTS),
        cuts=Facts.of({"op": "detach", "module": "trunk", "file": "/a/net.py", "line": 7}),
    )  # fmt: skip
    assert edges(graph)["trunk", "first"] is True
    assert health(graph)["trunk"] == "warning"
    notes = next(one["notes"] for one in graph["nodes"] if one["label"] == "trunk")
    assert "no gradient ever reaches trunk.weight" in notes
    assert "`detach` at net.py:7 lets no gradient back" in notes


def test_cuts_elsewhere_and_models_that_nobody_trains_are_no_alarm():
    (graph,) = the_graphs(
        parameters=[weight("first", in_optimizer=False), weight("last")],
        cuts=Facts.of({"op": "linear", "module": "last", "file": "/a/net.py", "line": 7}),
    )
    assert health(graph) == {"first": "note", "act": "healthy", "last": "healthy", "nllloss": "unknown"}
    assert not any(edges(graph).values())


def test_a_frozen_module_is_a_note():
    (graph,) = the_graphs(
        modules=(module("trunk", 0), *MODULES), parameters=(weight("trunk", reached=False, requires_grad=False),)
    )
    assert health(graph)["trunk"] == "note"


@pytest.mark.parametrize(
    "extra",
    [
        module("dropout", 0, "Dropout", 0),  # in evaluation mode it is in no graph, and passes everything
        module("unused", None),  # never called
        module("other", 0, root="Teacher"),  # of a model that this loss does not touch
    ],
    ids=lambda record: record["name"],
)
def test_what_is_rightly_in_no_graph_is_not_drawn(extra):
    (graph,) = the_graphs(modules=(extra, *MODULES))
    assert extra["name"] not in health(graph)


def test_a_module_that_a_later_loss_reaches_is_not_called_broken():
    (graph,) = the_graphs(modules=(module("expert", 0), *MODULES), parameters=(weight("expert"),))
    assert "expert" not in health(graph)


def test_no_gradient_passes_dead_units():
    zero = {"zero_grad_steps": 9, "deep_steps": 9}
    (graph,) = the_graphs(
        parameters=(weight("first", **zero), weight("last")), dead_unit_share=LayerSeries.of(act=[0.5, 1.0])
    )
    assert edges(graph) == {("first", "act"): True, ("act", "last"): False, ("last", "(nllloss)"): False}
    assert health(graph) == {"first": "warning", "act": "warning", "last": "healthy", "nllloss": "unknown"}


def test_a_weight_without_gradient_beside_a_bias_with_one_breaks_no_edge():
    bias = {**weight("last"), "name": "last.bias"}
    (graph,) = the_graphs(parameters=(weight("last", zero_grad_steps=9, deep_steps=9), bias))
    assert not any(edges(graph).values())


def test_a_gradient_that_was_zero_in_the_first_looks_only_is_healthy():
    (graph,) = the_graphs(parameters=(weight("first", zero_grad_steps=1, deep_steps=9), weight("last")))
    assert health(graph)["first"] == "healthy"


def test_numbers_that_are_not_finite_are_errors():
    (graph,) = the_graphs(
        non_finite_grads=LayerSeries.of(**{"last.weight": [3.0]}),
        activation_std=LayerSeries.of(act=[1.0, float("nan")]),
    )
    assert health(graph) == {"first": "healthy", "act": "error", "last": "error", "nllloss": "unknown"}


def test_each_backward_site_has_a_graph():
    other = [{**one, "backward": "train.py:20"} for one in CHAIN]
    assert [one["title"] for one in the_graphs((*CHAIN, *other))] == ["Model (train.py:9)", "Model (train.py:20)"]


def chain_of(layers, name):
    return [node(k, "Mm", [k + 1] if k + 1 < layers else [], name(layers - 1 - k)) for k in range(layers)]


def test_a_very_deep_model_is_drawn_without_the_insides_of_its_modules():
    (graph,) = the_graphs(chain_of(1_000, lambda k: f"blocks.{k // 100}.layer{k % 100}"), (), ())
    assert [one["label"] for one in graph["nodes"]] == [f"blocks.{k}" for k in range(10)]
    assert len(graph["edges"]) == 9
    assert "left out" in graph["about"]


def test_a_model_with_too_many_parts_is_not_drawn():
    assert the_graphs(chain_of(MOST + 1, lambda k: f"layer{k}"), (), ()) == []


@pytest.mark.parametrize(
    ("name", "is_leaf", "group"),
    [("blocks.3.mlp.0", True, "blocks.3"), ("blocks.3", False, "blocks.3"), ("hidden.3", True, "hidden"),
     ("fc", True, ""), ("layer1.0.conv1", True, "layer1.0"), ("encoder.pool", True, "encoder")],
)  # fmt: skip
def test_repeated_blocks_are_groups(name, is_leaf, group):
    assert group_of(name, is_leaf=is_leaf) == group


def test_edges_join_nodes_of_unique_names_also_where_names_mean_harm():
    name = "</script><img src=x onerror=alert(1)>.0"
    nodes = [node(0, "Sum", [1]), node(1, "Mm", [2], name), node(2, "Mm", [], "ok")]
    (graph,) = the_graphs(nodes, [module(name, 2), module("ok", 1)], ())
    ids = [one["id"] for one in graph["nodes"]]
    assert len(set(ids)) == len(ids)
    assert {one[end] for one in graph["edges"] for end in ("source", "target")} <= set(ids)
    assert name in health(graph)


def test_of_a_loop_over_time_one_round_is_drawn():
    nodes = [node(0, "MseLoss", [1]), node(1, "Mm", [2], "out")]
    for k in range(20):
        last = k == 19
        nodes += [node(3 * k + 2, "Tanh", [3 * k + 3], "act"), node(3 * k + 3, "Add", [3 * k + 4, 100], "Net"),
                  node(3 * k + 4, "Mm", [] if last else [3 * k + 5], "again")]  # fmt: skip
    nodes.append(node(100, "Mm", [], "into"))
    modules = [module(name, k) for k, name in enumerate(("into", "again", "act", "out"))]
    (graph,) = the_graphs(nodes, [module("Net", 0), *modules], ())
    assert edges(graph) == {
        ("into", "Net"): False, ("again", "Net"): False, ("Net", "act"): False, ("act", "out"): False,
        ("out", "(mseloss)"): False,
    }  # fmt: skip
    again = next(one for one in graph["nodes"] if one["label"] == "again")
    assert "called 20 times in a loop" in again["notes"]
    assert "one round" in graph["about"]


def test_an_activation_that_many_layers_share_is_no_loop():
    nodes = [node(0, "MseLoss", [1])]
    for k in range(20):
        nodes += [
            node(2 * k + 1, "Relu", [2 * k + 2], "act"),
            node(2 * k + 2, "Mm", [2 * k + 3] if k < 19 else [], f"fc{k}"),
        ]
    (graph,) = the_graphs(nodes, [module("act", 50, "ReLU", 0), *(module(f"fc{k}", k) for k in range(20))], ())
    assert len(graph["nodes"]) == 41
    assert len(graph["edges"]) == 40


def test_a_module_that_only_arranges_numbers_is_drawn_unless_it_computes_elsewhere():
    nodes = [
        node(0, "MseLoss", [1]), node(1, "Squeeze", [2], "Net"), node(2, "Mm", [3], "fc"),
        node(3, "Add", [4], "Net"), node(4, "View", [5], "flatten"), node(5, "Convolution", [], "conv"),
    ]  # fmt: skip
    (graph,) = the_graphs(nodes, [module(n, k) for k, n in enumerate(("conv", "flatten", "fc"))], ())
    assert list(edges(graph)) == [("conv", "flatten"), ("flatten", "Net"), ("Net", "fc"), ("fc", "(mseloss)")]


def test_without_a_graph_modules_are_in_the_order_of_their_calls():
    modules = [module("Net", 0), module("late", 3), module("block", 1), module("block.inner", 2),
               module("never", None), module("aside", 4, shape=(8, 7))]  # fmt: skip
    (graph,) = the_graphs((), modules, (weight("late", reached=False),))
    assert [one["label"] for one in graph["nodes"]] == ["block.inner", "late", "aside"]
    assert edges(graph) == {("block.inner", "late"): False}
    assert health(graph) == {"block.inner": "unknown", "late": "warning", "aside": "unknown"}
    assert "order of their first calls" in graph["about"]


def test_without_a_graph_a_very_deep_model_is_drawn_without_the_insides_of_its_modules():
    modules = [module(f"blocks.{k // 100}.layer{k % 100}", k) for k in range(1_000)]
    (graph,) = the_graphs((), modules, ())
    assert [one["label"] for one in graph["nodes"]] == [f"blocks.{k}" for k in range(10)]


def test_a_model_of_one_module_is_no_picture():
    assert the_graphs((), [module("Linear", 0, root="Linear")], ()) == []


def test_operations_on_weights_that_part_and_meet_again_are_named_once():
    """Sixty times over: were they counted by way, there would be more than any memory holds."""
    nodes = [node(0, "Mse", [1]), node(1, "Addmm", [2], "cell")]
    for number in range(2, 122, 2):
        nodes += [node(number, "Mul", [number + 1, number + 1], "cell"), node(number + 1, "Exp", [number + 2], "cell")]
    nodes.append(node(122, "AccumulateGrad", [], "cell"))
    pieces = pieces_of(nodes, None)
    assert [piece.ops for piece in pieces.values()] == [["exp", "mul", "addmm"], ["mse"]]
