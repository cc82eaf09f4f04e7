"""Activations that explode or die out on their way through the untrained net."""

from netvet.checks.badly_scaled_init import badly_scaled_init
from netvet.core import Facts

SICK = {
    "layers": [
        {"name": f"fc{i}", "activation_std": 10.0**i, "weight_std": 1.0, "suggested_std": 0.1} for i in range(4)
    ],
    "weighted_layers": 4,
    "activation_ratio": 1000.0,
    "file": "net.py",
    "line": 2,
}


def found(**changes):
    return badly_scaled_init(Facts.of({**SICK, **changes}))


def test_fires_with_the_numbers_and_the_place():
    (finding,) = found()
    assert "over 4 layers" in finding.message
    assert str(finding.location) == "net.py:2"


def test_is_quiet_on_look_alikes_and_missing_values():
    assert not found(activation_ratio=20.0)
    assert not found(activation_ratio=None)
    assert not found(layers=None)
    assert not found(weighted_layers=1)
    assert not badly_scaled_init(Facts.of({}))


def recurrent(growth, calls=32):
    layer = {"name": "wh", "weight_std": 0.2, "suggested_std": 0.2, "calls": calls, "growth": growth}
    return badly_scaled_init(Facts.of({"layers": [layer], "weighted_layers": 3, "activation_ratio": 0.0}))


def test_fires_on_a_layer_that_explodes_over_time():
    (finding,) = recurrent(6e4)
    assert finding.message.startswith("the std of the output of wh grows 6e+04 times over the 32 calls of one pass")


def test_is_quiet_on_recurrent_layers_that_hold_or_forget_or_add_up():
    assert not recurrent(1.3)
    assert not recurrent(1e-6)
    assert not recurrent(200.0, calls=200)
    assert not recurrent(None)


def squashed(std=17.0, weight=3.0, nonlinearity="Sigmoid"):
    layer = {"name": "fc1", "activation_std": std, "weight_std": weight, "suggested_std": 0.16}
    last = {"name": "top", "activation_std": None, "weight_std": 0.1, "suggested_std": 0.16}
    record = {"layers": [layer, last], "nonlinearity": nonlinearity, "activation_ratio": 1.0, "weighted_layers": 2}
    return badly_scaled_init(Facts.of(record))


def test_fires_on_weights_that_put_sigmoids_at_their_ends():
    (finding,) = squashed()
    assert finding.message.startswith("weights of fc1 have std 3, not 0.16: its outputs spread by 17")
    assert squashed(7.0, 1.0, "Tanh")


def test_is_quiet_where_squashing_is_not_reached_or_the_weights_are_usual():
    assert not squashed(std=2.0)
    assert not squashed(weight=0.2)  # the inputs are large
    assert not squashed(nonlinearity="ReLU")
    assert not squashed(nonlinearity=None)
