"""Fixes of the loss call, of what enters it and of scores."""

import pytest

from netvet.fixes.source import NotApplicable
from tests.fixes.code import Code

MODULE = """
    import torch
    from torch import nn
    net = nn.Sequential(
        nn.Linear(4, 8),
        nn.Linear(8, 1),
        nn.Sigmoid(),
    )
    criterion = nn.BCEWithLogitsLoss()
    for x, y in []:
        out = net(x)
        loss = criterion(out, y)  # train
        loss.backward()
    with torch.no_grad():
        scores = net(x)
        hits = (scores > 0.5).float() == y
        rounded = scores.squeeze(1).round()
    """
FUNCTION = """
    import torch.nn.functional as F
    def step(model, x, y):
        p = model(x).sigmoid()
        return F.binary_cross_entropy_with_logits(
            p,
            y,
        )
    """


def loss(code, part, function, phase="train", made=None, **more):
    """A record of a call of a loss."""
    made = code.at(made, "created_") if made else {}
    return code.at(part) | {"function": function, "phase": phase, "feeds_backward": phase == "train"} | made | more


def test_sigmoid_layer_goes_and_thresholds_become_those_of_logits(tmp_path):
    code = Code(tmp_path, MODULE)
    facts = {
        "losses": [loss(code, "# train", "binary_cross_entropy_with_logits", made="BCEWith", in_unit_interval=True)]
    }
    first, second = code.patches("remove-sigmoid", finding="nn.Sigmoid()", **facts)
    assert "nn.Linear(8, 1),\n)" in first
    assert "hits = (scores > 0).float() == y" in first
    assert "rounded = scores.squeeze(1).sigmoid().round()" in first
    assert "criterion = nn.BCELoss()" in second
    assert "scores > 0.5" in second


@pytest.mark.parametrize("fix", ["remove-softmax", "remove-activation"])
def test_layer_that_is_called_by_name_hands_on_what_it_is_given(tmp_path, fix):
    code = Code(tmp_path, "def forward(self, x):\n    return self.softmax(self.fc(x))\n")
    assert code.changed(fix, finding="return")[1] == ["return self.fc(x)"]


def test_sigmoid_method_goes(tmp_path):
    code = Code(tmp_path, FUNCTION)
    facts = {"losses": [loss(code, "F.binary", "binary_cross_entropy_with_logits", in_unit_interval=True)]}
    second, first = code.patches("remove-sigmoid", finding=".sigmoid()", **facts)
    assert "p = model(x)\n" in first
    assert "F.binary_cross_entropy(\n" in second


def test_nll_loss_of_logits_becomes_cross_entropy(tmp_path):
    code = Code(tmp_path, "from torch import nn\nloss_fn = nn.NLLLoss(reduction='sum')\nloss = loss_fn(net(x), y)\n")
    facts = {"losses": [loss(code, "loss = ", "nll_loss", made="NLLLoss", rows_are_log_probabilities=0.0)]}
    assert code.changed("log-softmax", **facts)[1] == ["loss_fn = nn.CrossEntropyLoss(reduction='sum')"]


def test_function_that_was_imported_alone_is_called_by_its_whole_name(tmp_path):
    code = Code(tmp_path, "from torch.nn.functional import nll_loss\nloss = nll_loss(net(x), y)\n")
    text = code.patches("log-softmax", losses=[loss(code, "loss = ", "nll_loss", rows_are_log_probabilities=0.0)])[0]
    assert "import torch\nloss = torch.nn.functional.cross_entropy(net(x), y)\n" in text


def test_function_that_was_imported_by_another_name_is_known(tmp_path):
    code = Code(tmp_path, "from torch.nn.functional import nll_loss as nll\nloss = nll(net(x), y)\n")
    text = code.patches("log-softmax", losses=[loss(code, "loss = ", "nll_loss", rows_are_log_probabilities=0.0)])[0]
    assert "loss = torch.nn.functional.cross_entropy(net(x), y)\n" in text


def test_softmax_in_nll_loss_becomes_log_softmax(tmp_path):
    code = Code(tmp_path, "p = F.softmax(net(x), dim=1)\nloss = F.nll_loss(p, y)\n")
    record = loss(code, "loss = ", "nll_loss", input_op="softmax", **code.at("softmax", "input_"))
    assert code.changed("log-softmax", losses=[record])[1] == ["p = F.log_softmax(net(x), dim=1)"]


def test_log_probabilities_are_left_alone(tmp_path):
    code = Code(tmp_path, "loss = F.nll_loss(net(x), y)\n")
    with pytest.raises(NotApplicable, match="already"):
        code.patches("log-softmax", losses=[loss(code, "loss", "nll_loss", rows_are_log_probabilities=1.0)])


BCE = """
    import torch
    criterion = torch.nn.BCELoss()
    for x, y in []:
        out = model(x)
        loss = criterion(out, y)  # train
    accuracy = ((model(x) >= 0.5) == y).mean()
    """


def test_bce_of_logits_gets_logits_also_where_the_run_ended_at_once(tmp_path):
    code = Code(tmp_path, BCE)
    facts = {"run": [code.at("# train", "exception_")], "optimizers": []}
    text = code.patches("with-logits", finding="# train", **facts)[0]
    assert "criterion = torch.nn.BCEWithLogitsLoss()" in text


def test_clamp_before_bce_goes(tmp_path):
    text = BCE.replace("criterion(out, y)", "criterion(out.clamp(0, 1), y)")
    code = Code(tmp_path, text)
    facts = {"losses": [loss(code, "# train", "binary_cross_entropy", made="BCELoss")]}
    made = code.patches("with-logits", **facts)[0]
    assert "loss = criterion(out, y)" in made
    assert "(model(x) >= 0)" in made


def test_last_activation_goes_and_repeated_ones_go_once(tmp_path):
    code = Code(
        tmp_path,
        """
        class Net(nn.Module):
            def __init__(self):
                self.act = nn.Tanh()
                self.block = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
            def forward(self, x):
                return self.act(self.block(x))  # outer
        """,
    )
    nodes = [
        {"id": 0, "op": "Tanh", "next": [1], "backward": "b"} | code.at("# outer"),
        {"id": 1, "op": "Tanh", "next": [], "backward": "b"} | code.at("self.block ="),
    ]
    changed = code.changed("remove-activation", finding="# outer", evidence={"modules": ["Net"]}, graph=nodes)
    assert changed[1] == ["return self.block(x)  # outer"]


def test_function_of_a_module_by_any_name_is_no_method(tmp_path):
    code = Code(tmp_path, "import torch.nn.functional as functions\ny = functions.relu(layer(x), inplace=True)\n")
    assert code.changed("remove-activation", finding="y =", evidence={"input_op": "relu"})[1] == ["y = layer(x)"]


def test_layer_that_is_called_twice_is_not_taken_away(tmp_path):
    code = Code(tmp_path, "self.act = nn.ReLU()\nh = self.act(self.a(x))\ny = self.act(self.b(h))\n")
    with pytest.raises(NotApplicable, match="called in 2 places"):
        code.patches("remove-activation", finding="nn.ReLU", evidence={"input_op": "relu"})


SHAPES = {"input": {"shape": [32, 1]}, "target": {"shape": [32]}}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("loss = mse(net(x), y)", "loss = mse(net(x).squeeze(-1), y)"),
        ("loss = mse(input=a + b, target=y)", "loss = mse(input=(a + b).squeeze(-1), target=y)"),
        ("total += mse(out, y).item() * len(x)", "total += mse(out.squeeze(-1), y).item() * len(x)"),
    ],
)
def test_output_is_squeezed_where_it_enters_the_loss(tmp_path, line, expected):
    code = Code(tmp_path, f"mse = nn.MSELoss()\n{line}\n")
    facts = {"losses": [loss(code, line, "mse_loss", made="MSELoss", **SHAPES)]}
    assert code.changed("same-shape", finding=line, **facts)[1] == [expected]


def test_target_with_an_axis_of_its_own_is_squeezed(tmp_path):
    code = Code(tmp_path, "loss = F.mse_loss(out, y)\n")
    shapes = {"input": {"shape": [8, 3]}, "target": {"shape": [8, 1, 3]}}
    made = code.changed("same-shape", finding="loss", losses=[loss(code, "loss =", "mse_loss", **shapes)])
    assert made[1] == ["loss = F.mse_loss(out, y.squeeze(1))"]


def test_difference_and_comparison_of_unknown_sides_are_flattened(tmp_path):
    code = Code(tmp_path, "loss = ((a - b) ** 2).mean()\nhits = (a == b).sum()\n")
    facts = {"broadcasts": [code.at("loss") | {"left": [8, 1], "right": [8]}]}
    assert code.changed("same-shape", finding="loss", **facts)[1] == [
        "loss = ((a.flatten() - b.flatten()) ** 2).mean()"
    ]
    facts = {"metrics": [code.at("hits") | {"prediction_shape": [8, 1], "target_shape": [8]}]}
    assert code.changed("same-shape", finding="hits", **facts)[1] == ["hits = (a.flatten() == b.flatten()).sum()"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pred = logits.argmax(dim=0)", "pred = logits.argmax(dim=1)"),
        ("pred = logits.argmax(0)", "pred = logits.argmax(1)"),
        ("pred = logits.argmax()", "pred = logits.argmax(dim=1)"),
        ("pred = torch.argmax(logits, 0)", "pred = torch.argmax(logits, 1)"),
        ("value, pred = torch.max(logits, dim=0)", "value, pred = torch.max(logits, dim=1)"),
        ("pred = np.argmax(logits, axis=0)", "pred = np.argmax(logits, axis=1)"),
    ],
)
def test_arg_max_goes_over_the_classes(tmp_path, old, new):
    code = Code(tmp_path, old + "\n")
    metric = code.at("pred", "op_") | code.at("pred") | {"op": "argmax", "dim": 0, "classes_dim": 1}
    assert code.changed("class-axis", finding="pred", metrics=[metric])[1] == [new]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("out = F.log_softmax(x, 0)", "out = F.log_softmax(x, 1)"),
        ("out = x.softmax(dim=0)", "out = x.softmax(dim=1)"),
        ("layer = nn.Softmax(0)", "layer = nn.Softmax(1)"),
        ("layer = nn.LogSoftmax()", "layer = nn.LogSoftmax(dim=1)"),
    ],
)
def test_softmax_goes_over_the_classes(tmp_path, old, new):
    code = Code(tmp_path, old + "\n")
    assert code.changed("class-axis", finding=old)[1] == [new]


def test_threshold_fits_the_outputs(tmp_path):
    code = Code(tmp_path, "out = net(x)\nloss = F.binary_cross_entropy_with_logits(out, y)\nhits = 0.5 < out\n")
    facts = {"losses": [loss(code, "loss", "binary_cross_entropy_with_logits")]}
    assert code.changed("logit-threshold", finding="hits", **facts)[1] == ["hits = 0 < out"]


def test_threshold_of_another_number_stays(tmp_path):
    code = Code(tmp_path, "out = net(x)\nloss = F.binary_cross_entropy_with_logits(out, y)\nhits = x > 0.5\n")
    with pytest.raises(NotApplicable, match="already"):
        code.patches("logit-threshold", losses=[loss(code, "loss", "binary_cross_entropy_with_logits")])


def test_targets_are_signed(tmp_path):
    code = Code(tmp_path, "loss = F.soft_margin_loss(out, y + 0)\n")
    facts = {"losses": [loss(code, "loss", "soft_margin_loss")]}
    assert code.changed("signed-targets", **facts)[1] == ["loss = F.soft_margin_loss(out, 2 * (y + 0) - 1)"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("loss = torch.clamp(loss, max=2.0)", "loss = loss"),
        ("loss = loss.clamp(0, 2)", "loss = loss.clamp(0)"),
        ("loss = loss.clamp(min=0.1, max=2).mean()", "loss = loss.clamp(min=0.1).mean()"),
        ("loss = ce(out, y).clamp_max(2)", "loss = ce(out, y)"),
    ],
)
def test_upper_bound_of_the_loss_goes(tmp_path, old, new):
    code = Code(tmp_path, f"{old}\nopt.step()\n")
    facts = {"optimizers": [code.at("step", "step_")]}
    with_clip, without = code.patches("clip-gradient", finding=old, **facts)
    assert "clip_grad_norm_" in with_clip
    assert without.splitlines()[0] == new


def test_clamped_and_squared_difference_becomes_huber(tmp_path):
    code = Code(tmp_path, "import torch\nloss = (torch.clamp(out - y, -1, 1) ** 2).mean()\n")
    new = 'loss = torch.nn.functional.huber_loss(out, y, delta=1, reduction="none").mean()'
    assert code.changed("huber", finding="clamp")[1] == [new]
    code = Code(tmp_path, "loss = F.mse_loss(out, y).clamp(max=1)\n")
    facts = {"losses": [loss(code, "loss", "mse_loss")]}
    assert code.changed("huber", finding="clamp", **facts)[1] == ["loss = F.huber_loss(out, y)"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return x.pow(2).sum(1).sqrt()", "return (x.pow(2).sum(1) + 1e-8).sqrt()"),
        ("return torch.sqrt(a * b)", "return torch.sqrt((a * b) + 1e-8)"),
    ],
)
def test_root_is_kept_off_zero(tmp_path, old, new):
    code = Code(tmp_path, f"def f(x):\n    {old}\n")
    facts = {"first_non_finite": [code.at("return") | {"op": "Sqrt"}]}
    assert code.changed("clamp-operand", finding="return", **facts)[1] == [new]


@pytest.mark.parametrize(
    ("op", "old", "new"),
    [
        ("Log", "a = torch.log(p) + log(1 - p)", "a = torch.log(p.clamp_min(1e-8)) + log((1 - p).clamp_min(1e-8))"),
        ("Div", "loss = a / b.sum()", "loss = a / (b.sum() + 1e-8)"),
        ("LinalgVectorNorm", "d = (a - b).norm(dim=1)", "d = ((a - b).square().sum(dim=1) + 1e-8).sqrt()"),
        ("Exp", "loss = torch.exp(x)", "loss = torch.exp(x.clamp_max(20))"),
    ],
)  # fmt: skip
def test_operands_are_kept_off_the_edge(tmp_path, op, old, new):
    code = Code(tmp_path, old + "\n")
    facts = {"first_non_finite": [code.at(old) | {"op": op}]}
    assert code.changed("clamp-operand", finding=old, **facts)[1] == [new]


def test_logarithms_are_fused(tmp_path):
    code = Code(
        tmp_path,
        """
        import torch
        def nll(x, y):
            p = torch.softmax(x, dim=1)
            return -torch.log(p).gather(1, y)  # here
        def bce(x, y):
            return -(y * x.sigmoid().log() + (1 - y) * torch.log1p(-torch.sigmoid(x + 1)))  # there
        """,
    )
    assert code.changed("fused-loss", finding="# here")[1] == [
        "return -torch.log_softmax(x, dim=1).gather(1, y)  # here"
    ]
    function = "torch.nn.functional.logsigmoid"
    assert code.changed("fused-loss", finding="# there")[1] == [
        f"return -(y * {function}(x) + (1 - y) * {function}(-(x + 1)))  # there"
    ]


def test_other_logarithms_are_left_alone(tmp_path):
    code = Code(tmp_path, "loss = torch.log(x + 1)\n")
    with pytest.raises(NotApplicable, match="no logarithm"):
        code.patches("fused-loss", finding="loss")


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("nn.Softmax(dim=1)", "net = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())  # made"),
        ("nn.Softmax(1)", "net = nn.Sequential(nn.Linear(4, 1), nn.Sigmoid())  # made"),
    ],
)
def test_softmax_of_one_output_becomes_a_sigmoid(tmp_path, line, wanted):
    code = Code(tmp_path, f"from torch import nn\nnet = nn.Sequential(nn.Linear(4, 1), {line})  # made\n")
    losses = [{"phase": "train", "input_op": "softmax", "input_dim": 1, "input": {"shape": [8, 1]}}]
    assert code.changed("sigmoid", finding="# made", losses=losses)[1] == [wanted]


def test_call_of_softmax_on_one_output_becomes_a_sigmoid(tmp_path):
    code = Code(tmp_path, "import torch.nn.functional as F\ndef f(x):\n    return F.softmax(x + 1, dim=-1)  # made\n")
    losses = [{"phase": "train", "input_op": "softmax", "input_dim": -1, "input": {"shape": [8, 1]}}]
    assert code.changed("sigmoid", finding="# made", losses=losses)[1] == ["return (x + 1).sigmoid()  # made"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("code = torch.sign(soft)", "code = soft + (torch.sign(soft) - soft).detach()"),
        ("return self.head(z.round())", "return self.head(z + (z.round() - z).detach())"),
        ("out = scale * torch.floor(z) / 2", "out = scale * (z + (torch.floor(z) - z).detach()) / 2"),
    ],
)
def test_gradient_passes_a_rounding(tmp_path, old, new):
    code = Code(tmp_path, f"{old}\n" if not old.startswith("return") else f"def f(z):\n    {old}\n")
    assert code.changed("straight-through", finding=old)[1] == [new]


@pytest.mark.parametrize(
    "line", ["code = torch.round(z * 4)", "code = torch.tanh(z)", "code = torch.round(z, decimals=2)"]
)
def test_gradient_is_not_passed_where_it_is_unclear(tmp_path, line):
    with pytest.raises(NotApplicable):
        Code(tmp_path, f"{line}\n").patches("straight-through", finding=line)
