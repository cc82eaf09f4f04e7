"""Fixes of the optimizer and of the loop around it."""

import pytest

from netvet.fixes.source import NotApplicable
from tests.fixes.code import Code

LOOP = """
    import argparse
    import torch
    from torch import nn, optim
    args = argparse.Namespace(lr=5.0)
    net = nn.Linear(4, 2)
    optimizer = optim.SGD(net.parameters(), lr=args.lr, momentum=0.9)  # made
    for x, y in []:
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
    """


@pytest.fixture
def loop(tmp_path):
    code = Code(tmp_path, LOOP)
    optimizer = code.at("# made") | code.at("optimizer.step()", "step_") | {"cls": "SGD"}
    return code, {"optimizers": [optimizer]}


def test_rate_is_multiplied(loop):
    code, facts = loop
    old, new = code.changed("lower-lr", **facts)
    assert new == ["optimizer = optim.SGD(net.parameters(), lr=args.lr * 0.1, momentum=0.9)  # made"]
    assert len(old) == 1


def test_number_is_written_as_a_number(tmp_path):
    code = Code(tmp_path, "import torch\nopt = torch.optim.Adam([], lr=0.5)\n")
    facts = {"optimizers": [code.at("Adam") | {"cls": "Adam"} | code.at("Adam", "step_") | {"step_file": None}]}
    assert "Adam([], lr=0.05)" in str(code.changed("lower-lr", **facts))


def test_schedule_that_sets_the_rate_is_changed_too(tmp_path):
    code = Code(
        tmp_path, LOOP.replace("for x", "schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0)\n    for x")
    )
    facts = {
        "optimizers": [code.at("# made") | code.at("optimizer.step()", "step_") | {"cls": "SGD"}],
        "schedulers": [code.at("OneCycleLR") | {"cls": "OneCycleLR"}],
    }
    assert any("max_lr=0.1)" in line for line in code.changed("lower-lr", **facts)[1])


def test_gradients_are_clipped_before_the_step(loop):
    code, facts = loop
    text = code.patches("clip-gradients", **facts)[0]
    clip = 'torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)'
    assert f"    {clip}\n    optimizer.step()\n" in text


def test_scaled_gradients_are_unscaled_before_they_are_clipped(tmp_path):
    code = Code(tmp_path, LOOP.replace("optimizer.step()", "scaler.step(optimizer)"))
    facts = {"optimizers": [code.at("# made") | code.at("scaler.step", "step_") | {"cls": "SGD"}]}
    text = code.patches("clip-gradients", **facts)[0]
    assert (
        text.index("scaler.unscale_(optimizer)") < text.index("clip_grad_norm_") < text.index("scaler.step(optimizer)")
    )


def test_gradients_are_cleared_behind_the_step(loop):
    code, facts = loop
    assert "    optimizer.step()\n    optimizer.zero_grad()\n" in code.patches("zero-grad", **facts)[0]


def test_adam_takes_the_place_without_arguments_it_does_not_know(loop):
    code, facts = loop
    assert code.changed("adam", **facts)[1] == [
        "optimizer = optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0)  # made"
    ]


def test_adam_is_not_replaced_by_itself(tmp_path):
    code = Code(tmp_path, LOOP.replace("SGD", "Adam"))
    facts = {"optimizers": [code.at("# made") | code.at("optimizer.step()", "step_") | {"cls": "Adam"}]}
    with pytest.raises(NotApplicable, match="Adam already"):
        code.patches("adam", **facts)


def test_class_that_was_imported_alone_is_called_by_its_whole_name(tmp_path):
    text = LOOP.replace("from torch import nn, optim", "from torch import nn\n    from torch.optim import SGD")
    code = Code(tmp_path, text.replace("optim.SGD", "SGD"))
    facts = {"optimizers": [code.at("# made") | code.at("optimizer.step()", "step_") | {"cls": "SGD"}]}
    assert "torch.optim.AdamW(net.parameters()" in code.patches("adam", **facts)[0]


GROUPS = 'groups = [dict(params=a, lr=base), {"params": b, "lr": 0.3}, {"params": c, "lr": base}]\n'


def test_groups_with_rates_far_apart_get_the_lowest_and_then_the_highest(tmp_path):
    code = Code(tmp_path, f"{GROUPS}opt = Adam(groups)\n")
    made = code.at("Adam") | {"cls": "Adam", "groups": [{"lr": 0.001}, {"lr": 0.3}, {"lr": 0.001}]}
    lowest, highest = code.patches("same-rate", optimizers=[made])
    assert '{"params": b, "lr": base}' in lowest
    assert 'dict(params=a, lr=0.3), {"params": b, "lr": 0.3}, {"params": c, "lr": 0.3}' in highest


def test_groups_with_rates_not_far_apart_are_left(tmp_path):
    code = Code(tmp_path, f"{GROUPS}opt = Adam(groups)\n")
    made = code.at("Adam") | {"cls": "Adam", "groups": [{"lr": 0.1}, {"lr": 0.3}, {"lr": 0.1}]}
    with pytest.raises(NotApplicable, match="not far apart"):
        code.patches("same-rate", optimizers=[made])
    with pytest.raises(NotApplicable, match="no rates"):
        code.patches("same-rate", optimizers=[made | {"groups": [{"lr": 0.1}]}])


def test_rates_of_groups_in_a_variable_are_scaled(tmp_path):
    code = Code(tmp_path, f"{GROUPS}opt = Adam(groups)\nopt.step()\n")
    made = code.at("Adam") | {"cls": "Adam"} | code.at("opt.step", "step_")
    assert code.changed("lower-lr", optimizers=[made])[1] == [
        'groups = [dict(params=a, lr=base * 0.1), {"params": b, "lr": 0.03}, {"params": c, "lr": base * 0.1}]'
    ]
