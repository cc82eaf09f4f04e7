"""Fixes of the calls of a training loop: what is missing, and what stands in the wrong place."""

import pytest

from netvet.fixes.source import NotApplicable
from tests.fixes.code import Code

LOOP = """
    import torch
    from torch import nn
    net = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)  # made
    for epoch in range(5):
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
    """


WRONG = [{"descends_toward_target": False}]


def facts_of(code, step="optimizer.step()", **optimizer):
    record = code.at("# made") | {"name": "SGD", "cls": "SGD", "steps": 9} | optimizer
    if step:
        record |= code.at(step, "step_")
    return {"optimizers": [record], "backwards": [code.at(".backward()")]}


def test_step_is_added_behind_the_clipping(tmp_path):
    clip = "nn.utils.clip_grad_norm_(net.parameters(), 1.0)"
    code = Code(tmp_path, LOOP.replace("optimizer.step()", clip))
    text = code.patches("add-step", **facts_of(code, step=None, steps=0))[0]
    assert f"        {clip}\n        optimizer.step()\n" in text


def test_step_that_is_named_is_called(tmp_path):
    code = Code(tmp_path, LOOP.replace("optimizer.step()", "optimizer.step"))
    facts = facts_of(code, step=None, steps=0)
    facts["backwards"][0] |= code.at("optimizer.step", "uncalled_")
    assert code.changed("add-step", **facts) == (["optimizer.step"], ["optimizer.step()"])


def test_step_of_a_scaler_is_added_with_its_update(tmp_path):
    text = LOOP.replace("loss.backward()", "scaler.scale(loss).backward()").replace("        optimizer.step()\n", "")
    code = Code(tmp_path, text)
    assert code.changed("add-step", **facts_of(code, step=None, steps=0))[1] == [
        "scaler.step(optimizer)", "scaler.update()",
    ]  # fmt: skip


def test_step_is_not_added_where_the_optimizer_has_no_name(tmp_path):
    code = Code(
        tmp_path,
        """
        import torch
        def make(net):
            return torch.optim.SGD(net.parameters(), lr=0.1)  # made
        def train(loss):
            loss.backward()
        """,
    )
    with pytest.raises(NotApplicable, match="no name"):
        code.patches("add-step", **facts_of(code, step=None, steps=0))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("loss = -nn.functional.cross_entropy(net(x), y)", "loss = nn.functional.cross_entropy(net(x), y)"),
        ("loss = -1 * nn.functional.cross_entropy(net(x), y)", "loss = nn.functional.cross_entropy(net(x), y)"),
        ("loss = (-(net(x) + y)).mean()", "loss = (net(x) + y).mean()"),
        ("loss = net(x).log_prob(y).mean()", "loss = -net(x).log_prob(y).mean()"),
        ("loss = net(x) + y", "loss = -(net(x) + y)"),
    ],
)
def test_sign_of_the_loss_is_turned(tmp_path, old, new):
    code = Code(tmp_path, LOOP.replace("loss = nn.functional.cross_entropy(net(x), y)", old))
    assert code.changed("remove-minus", loss_contract=WRONG, **facts_of(code)) == ([old], [new])
    with pytest.raises(NotApplicable, match="right sign"):
        code.patches("remove-minus", **facts_of(code))


def test_minus_before_backward_is_taken_away(tmp_path):
    code = Code(tmp_path, LOOP.replace("loss.backward()", "(-loss).backward()"))
    old, new = code.changed("remove-minus", loss_contract=WRONG, **facts_of(code))
    assert old == ["(-loss).backward()"]
    assert new in (["loss.backward()"], ["(loss).backward()"])


def test_penalty_that_is_subtracted_is_added(tmp_path):
    code = Code(
        tmp_path, LOOP.replace("loss = nn", "loss = -0.1 * norm(net) + nn").replace("(net(x), y)", "(net(x), y) - norm")
    )
    term = code.at("- norm") | {"is_data": False, "away_from_zero": 1.0}
    assert code.changed("remove-minus", loss_terms=[term], **facts_of(code))[1][0].endswith("(net(x), y) + norm")


def test_maximize_is_dropped(tmp_path):
    code = Code(tmp_path, LOOP.replace("lr=0.1)", "lr=0.1, maximize=True)"))
    assert code.changed("remove-maximize", **facts_of(code))[1] == [
        "optimizer = torch.optim.SGD(net.parameters(), lr=0.1)  # made"
    ]
    plain = Code(tmp_path, LOOP)
    with pytest.raises(NotApplicable, match="maximize"):
        plain.patches("remove-maximize", **facts_of(plain))


def test_sum_becomes_a_mean_in_every_style(tmp_path):
    summed = {"phase": "train", "reduction": "sum"}
    for old, new in (
        ("F.mse_loss(net(x), y, reduction='sum')", "F.mse_loss(net(x), y)"),
        ("(net(x) - y).pow(2).sum()", "(net(x) - y).pow(2).mean()"),
        ("torch.sum((net(x) - y) ** 2)", "torch.mean((net(x) - y) ** 2)"),
    ):
        code = Code(tmp_path, f"loss = {old}\n")
        assert code.changed("mean", losses=[summed | code.at("loss =")])[1] == [f"loss = {new}"]
    code = Code(tmp_path, "loss = (net(x) - y).pow(2).sum(1).mean()\n")
    with pytest.raises(NotApplicable, match="no sum"):
        code.patches("mean", losses=[summed | code.at("loss =")])


def test_sum_that_the_evaluation_uses_is_divided_in_training(tmp_path):
    code = Code(
        tmp_path,
        """
        criterion = nn.CrossEntropyLoss(reduction="sum")
        loss = criterion(net(x), y)  # train
        total += criterion(net(a), b)  # eval
        """,
    )
    made = code.at("CrossEntropyLoss", "created_") | {"reduction": "sum"}
    losses = [made | code.at("# train") | {"phase": "train"}, made | code.at("# eval") | {"phase": "eval"}]
    assert code.changed("mean", losses=losses)[1] == ["loss = criterion(net(x), y) / len(y)  # train"]
    assert code.changed("mean", losses=losses[:1])[1] == ["criterion = nn.CrossEntropyLoss()"]


def test_accumulated_loss_is_divided_by_the_number_in_the_condition(tmp_path):
    code = Code(
        tmp_path,
        LOOP.replace("        optimizer.step()", "        if (i + 1) % args.k == 0:\n                optimizer.step()"),
    )
    record = [{"divided": False, "micro_batches": 4.0}]
    assert code.changed("divide-accumulated", accumulation=record, **facts_of(code))[1] == [
        "(loss / args.k).backward()"
    ]
    plain = Code(tmp_path, LOOP.replace("loss.backward()", "scaler.scale(loss).backward()"))
    assert plain.changed("divide-accumulated", accumulation=record, **facts_of(plain))[1] == [
        "scaler.scale(loss / 4).backward()"
    ]


MODES = """
    def train(self):
        for epoch in range(9):
            for x, y in self.loader:
                loss = self.criterion(self.net(x), y)  # train
                loss.backward()
            self.validate()
    def validate(self):
        self.net.eval()
        with torch.no_grad():
            return self.net(self.x)
    """


def test_training_mode_goes_before_the_loop_over_batches(tmp_path):
    code = Code(tmp_path, MODES)
    call = code.at("# train") | code.at("net.eval", "mode_") | {"model": "Net", "phase": "eval-mode-grad"}
    facts = {"calls": [call], "backwards": [code.at(".backward") | code.at("range(9)", "loop_")]}
    assert "        self.net.train()\n        for x, y in" in code.patches("call-train", **facts)[0]


def test_training_mode_goes_into_a_loop_that_evaluates(tmp_path):
    code = Code(tmp_path, MODES.replace("        self.validate()", "            self.validate()"))
    call = code.at("# train") | code.at("net.eval", "mode_") | {"model": "Net", "phase": "eval-mode-grad"}
    facts = {"calls": [call], "backwards": [code.at(".backward") | code.at("range(9)", "loop_")]}
    assert "            self.net.train()\n            loss =" in code.patches("call-train", **facts)[0]


def test_evaluation_mode_goes_around_the_evaluation(tmp_path):
    code = Code(
        tmp_path,
        """
        model.train()
        for epoch in range(9):
            for x, y in loader:
                criterion(model(x), y).backward()
            with torch.no_grad():
                for x, y in other:
                    right += (model(x).argmax(1) == y).sum()  # eval
            print(right)
        """,
    )
    call = code.at("# eval") | {"model": "Net", "phase": "train-mode-no-grad", "dropout_active": True}
    trained = code.at("backward") | {"model": "Net", "phase": "train"}
    text = code.patches("call-eval", calls=[trained, call], backwards=[code.at("backward")])[0]
    assert "    model.eval()\n    with torch.no_grad():" in text
    assert "    model.train()\n    print(right)" in text


def test_evaluation_that_returns_leaves_training_mode_to_training(tmp_path):
    code = Code(tmp_path, MODES.replace("    self.net.eval()\n", "    pass\n"))
    call = code.at("self.net(self.x)") | {"model": "Net", "phase": "train-mode-no-grad", "batch_norm_active": True}
    train = code.at("# train") | {"model": "Net", "phase": "train"}
    facts = {"calls": [train, call], "backwards": [code.at(".backward") | code.at("range(9)", "loop_")]}
    with pytest.raises(NotApplicable, match="name"):  # nothing tells that self.net is a model
        code.patches("call-eval", **facts)
    code = Code(
        tmp_path, MODES.replace("        self.net.eval()\n", "        pass\n") + "        self.net.parameters()\n"
    )
    facts["calls"] = [train, code.at("self.net(self.x)") | {k: v for k, v in call.items() if k != "line"}]
    text = code.patches("call-eval", **facts)[0]
    assert "    self.net.eval()\n    with torch.no_grad():" in text
    assert "        self.net.train()\n        for x, y in" in text


def test_calls_are_brought_into_their_usual_order(tmp_path):
    code = Code(
        tmp_path,
        """
        for x, y in loader:
            loss = criterion(net(x), y)
            scheduler.step()
            clip_grad_norm_(net.parameters(), 1.0)
            loss.backward()
            optimizer.zero_grad()
            optimizer.step()
        """,
    )
    facts = {
        "optimizers": [code.at("optimizer.step", "step_")],
        "backwards": [code.at("loss.backward")],
        "events": [
            code.at("scheduler.step") | {"kind": "scheduler_step"}, code.at("clip_grad") | {"kind": "clip"},
            code.at("zero_grad") | {"kind": "zero_grad"},
        ],
    }  # fmt: skip
    body = code.patches("usual-order", **facts)[0].split("\n    ", 2)[2]
    assert [line.strip() for line in body.splitlines()] == [
        "optimizer.zero_grad()", "loss.backward()", "clip_grad_norm_(net.parameters(), 1.0)", "optimizer.step()",
        "scheduler.step()",
    ]  # fmt: skip


def test_right_order_is_left_alone(tmp_path):
    code = Code(tmp_path, LOOP)
    facts = facts_of(code) | {"events": [code.at("zero_grad") | {"kind": "zero_grad"}]}
    with pytest.raises(NotApplicable, match="wrong place"):
        code.patches("usual-order", **facts)


def test_clipping_goes_before_the_step_and_is_unscaled(tmp_path):
    code = Code(
        tmp_path,
        """
        for x, y in loader:
            clip_grad_norm_(net.parameters(), 1.0)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
        """,
    )
    clip = code.at("clip_grad") | {"position": "before-unscale", "calls": 5}
    facts = {"optimizers": [code.at("scaler.step", "step_")], "clips": [clip]}
    assert code.patches("clip-last", **facts)[0].splitlines()[2:] == [
        "    scaler.unscale_(optimizer)", "    clip_grad_norm_(net.parameters(), 1.0)", "    scaler.step(optimizer)",
    ]  # fmt: skip


def test_clipping_gets_all_parameters(tmp_path):
    code = Code(
        tmp_path, LOOP.replace("optimizer.step()", "clip_grad_norm_(used_up, 1.0)\n            optimizer.step()")
    )
    facts = facts_of(code) | {"clips": [code.at("clip_grad") | {"covers": 0.0, "calls": 5}]}
    assert code.changed("clip-all", **facts)[1] == [
        'clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 1.0)'
    ]
