"""Fixes of penalties, weights of classes, targets and the last layer."""

import pytest

from netvet.fixes.source import NotApplicable
from tests.fixes.code import Code
from tests.fixes.test_loss_fixes import loss

PENALTY = [{"is_data": False, "compares": False}, {"is_data": True}]


def terms(code, penalty, data, **more):
    """Records of a penalty and of a term of the data."""
    first, second = PENALTY
    return {"loss_terms": [first | more | code.at(penalty), second | code.at(data)]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("loss = ce + args.l1 * norm(net)", "loss = ce + args.l1 * 0.1 * norm(net)"),
        ("loss = ce + 0.05 * norm(net)", "loss = ce + 0.005 * norm(net)"),
        ("loss = ce + norm(net)", "loss = ce + 0.1 * norm(net)"),
        ("loss = norm(net) * 2 + ce", "loss = norm(net) * 0.2 + ce"),
    ],
)
def test_coefficient_of_the_penalty_gets_smaller(tmp_path, old, new):
    code = Code(tmp_path, f"ce = criterion(net(x), y)\n{old}\nloss.backward()\n")
    made = code.changed("lower-penalty", **terms(code, "norm(net)", "ce = "))
    assert made[1] == [new]


def test_penalty_that_is_added_on_its_own_line_gets_smaller(tmp_path):
    code = Code(tmp_path, "loss = criterion(net(x), y)\nloss += l2 * norm(net)\nloss.backward()\n")
    assert code.changed("lower-penalty", **terms(code, "l2", "criterion"))[1] == ["loss += l2 * 0.1 * norm(net)"]


def test_penalty_inside_a_function_is_found_where_it_is_added(tmp_path):
    code = Code(
        tmp_path,
        """
        def norm(net):
            return sum(p.abs().sum() for p in net.parameters())
        for x, y in []:
            loss = criterion(net(x), y) + 0.1 * norm(net)  # sum
            loss.backward()
        """,
    )
    facts = terms(code, "return sum", "# sum") | {"backwards": [code.at("backward")]}
    assert code.changed("lower-penalty", **facts)[1] == ["loss = criterion(net(x), y) + 0.01 * norm(net)  # sum"]


def test_sign_of_a_penalty_is_turned(tmp_path):
    code = Code(tmp_path, "ce = criterion(net(x), y)\nloss = ce - 0.1 * norm(net)\nloss.backward()\n")
    made = code.changed("decay-sign", **terms(code, "norm", "ce = ", away_from_zero=1.0))
    assert made[1] == ["loss = ce + 0.1 * norm(net)"]


def test_sign_of_a_decay_by_hand_is_turned(tmp_path):
    code = Code(
        tmp_path,
        """
        class Mine(torch.optim.Optimizer):
            def step(self):
                p.mul_(1 + lr * decay)
        optimizer = Mine(net.parameters())
        """,
    )
    facts = {"optimizers": [code.at("optimizer =") | {"cls": "Mine"}]}
    assert code.changed("decay-sign", **facts)[1] == ["p.mul_(1 - lr * decay)"]


NET = """
    import torch
    from torch import nn
    class Net(nn.Module):
        def __init__(self):
            self.body = nn.Linear(4, 8)
            self.head = nn.Linear(8, 1)
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loss_fn = nn.MSELoss()
    for x, y in []:
        loss = loss_fn(net(x), y)
        optimizer.step()
    """
REGRESSION = {"phase": "train", "kind": "regression", "mean": 152.0, "std": 77.0, "samples": 400}


@pytest.fixture
def net(tmp_path):
    code = Code(tmp_path, NET)
    target = {"target": {"shape": [8]}}
    return code, {
        "optimizers": [code.at("SGD") | {"cls": "SGD"} | code.at("step()", "step_")],
        "losses": [loss(code, "loss = loss_fn", "mse_loss", made="MSELoss", **target)],
        "targets": [REGRESSION],
        "final_bias": [{"layer": "head", "function": "mse_loss", "predicted": [0.1]}],
        "parameters": [{"name": "head.bias"}],
    }


def test_last_bias_is_filled_behind_the_model(net):
    code, facts = net
    text = code.patches("final-bias", **facts)[0]
    assert "with torch.no_grad():\n    net.head.bias.fill_(152)\noptimizer = " in text


def test_last_bias_of_classes_is_the_log_of_their_shares(net):
    code, facts = net
    facts["final_bias"] = [{"layer": "seq.2", "function": "cross_entropy", "predicted": [0.5, 0.5], "site": "s"}]
    facts["targets"] = [{"phase": "train", "site": "s", "counts": [90, 10], "samples": 100}]
    facts["parameters"] = [{"name": "seq.2.bias"}]
    text = code.patches("final-bias", **facts)[0]
    assert 'net.get_submodule("seq.2").bias.copy_(torch.tensor([-0.105, -2.303]))' in text


def test_last_layer_without_a_bias_is_left_alone(net):
    code, facts = net
    with pytest.raises(NotApplicable, match="head has no bias"):
        code.patches("final-bias", **facts | {"parameters": []})


def test_model_learns_the_standardised_target_in_the_units_of_the_target(net):
    code, facts = net
    text = code.patches("standardise-target", **facts)[0]
    assert "def in_target_units(module, inputs, output):\n    return output * 77 + 152\n" in text
    assert "net.register_forward_hook(in_target_units)\noptimizer = " in text
    assert "loss = loss_fn(net(x) / 77, y / 77)\n" in text


def test_difference_that_is_written_out_is_standardised(tmp_path, net):
    _, facts = net
    code = Code(tmp_path, NET.replace("loss = loss_fn(net(x), y)", "loss = ((net(x) - y) ** 2).mean()"))
    facts["losses"] = [loss(code, "loss = ((", "mse_loss")]
    assert "loss = (((net(x) - y) / 77) ** 2).mean()\n" in code.patches("standardise-target", **facts)[0]


def test_classes_are_weighted(tmp_path):
    code = Code(tmp_path, "import torch\nce = nn.CrossEntropyLoss()\nloss = ce(net(x), y)\n")
    record = loss(code, "loss =", "cross_entropy", made="Cross", site="s", classes=2, counts=[90, 10])
    made = code.changed("class-weights", losses=[record])
    assert made[1] == ["ce = nn.CrossEntropyLoss(weight=torch.tensor([0.5556, 5.0]))"]
    with pytest.raises(NotApplicable, match="weights already"):
        code.patches("class-weights", losses=[record | {"weight": [1, 2]}])


def test_positives_are_weighted(tmp_path):
    code = Code(tmp_path, "import torch\nloss = F.binary_cross_entropy_with_logits(net(x), y)\n")
    record = loss(code, "loss =", "binary_cross_entropy_with_logits", site="s", counts=[90, 10])
    new = "loss = F.binary_cross_entropy_with_logits(net(x), y, pos_weight=torch.tensor(9))"
    assert code.changed("class-weights", losses=[record])[1] == [new]


@pytest.mark.parametrize(
    ("fix", "old", "new"),
    [
        ("invert-weights", "ce = nn.CrossEntropyLoss(weight=w)", "ce = nn.CrossEntropyLoss(weight=1 / w)"),
        ("invert-weights", "ce = nn.CrossEntropyLoss(w / 2)", "ce = nn.CrossEntropyLoss(1 / (w / 2))"),
        ("reorder-weights", "ce = nn.CrossEntropyLoss(weight=w)", "ce = nn.CrossEntropyLoss(weight=w[[1, 0, 2]])"),
        ("other-ignore-index", "ce = nn.CrossEntropyLoss(ignore_index=0)", "ce = nn.CrossEntropyLoss()"),
        ("label-smoothing", "ce = nn.CrossEntropyLoss()", "ce = nn.CrossEntropyLoss(label_smoothing=0.1)"),
    ],
)
def test_options_of_the_loss_are_mended(tmp_path, fix, old, new):
    code = Code(tmp_path, f"{old}\nloss = ce(net(x), y)\n")
    weights = {"weight": [1.0, 0.5, 2.0], "counts": [200, 100, 50], "ignored_share": 0.2}
    record = loss(code, "loss =", "cross_entropy", made="Cross", **weights)
    assert code.changed(fix, losses=[record])[1] == [new]


def test_weights_of_zero_have_no_inverse(tmp_path):
    code = Code(tmp_path, "ce = nn.CrossEntropyLoss(weight=w)\nloss = ce(net(x), y)\n")
    record = loss(code, "loss =", "cross_entropy", made="Cross", weight=[0.0, 1.0])
    with pytest.raises(NotApplicable, match="inverse"):
        code.patches("invert-weights", losses=[record])


def test_spread_of_zero_divides_nothing(tmp_path):
    code = Code(tmp_path, "std = x.std(0)\nx = (x - x.mean(0)) / std\nz = (z - 1) / z.std(0)\n")
    text = code.patches("guard-division", finding="x.mean")[0]
    assert (
        text == "std = x.std(0)\nstd = std + (std == 0)\nx = (x - x.mean(0)) / std\nz = (z - 1) / (z.std(0) + 1e-8)\n"
    )


PAD = [{"pad_value": 0.0}]


def test_padding_of_one_vocabulary_is_ignored(tmp_path):
    code = Code(tmp_path, "ce = nn.CrossEntropyLoss()\nloss = ce(net(x).flatten(0, 1), y.flatten())\n")
    record = loss(code, "loss =", "cross_entropy", made="Cross", classes=50)
    made = code.changed("ignore-index", losses=[record], mask_probe=PAD, inputs=[{"embedding_rows": 50}])
    assert made[1] == ["ce = nn.CrossEntropyLoss(ignore_index=0)"]


def test_targets_are_padded_with_what_is_ignored(tmp_path):
    code = Code(tmp_path, "t = pad_sequence(t, True)\nloss = F.cross_entropy(net(x).flatten(0, 1), t.flatten())\n")
    record = loss(code, "loss =", "cross_entropy", classes=4, **code.at("pad_sequence", "target_"))
    made = code.changed("ignore-index", losses=[record], mask_probe=PAD)
    assert made[1] == ["t = pad_sequence(t, True, padding_value=-100)"]


def test_targets_of_padded_inputs_are_ignored(tmp_path):
    code = Code(tmp_path, "out = net(x)\nloss = F.cross_entropy(out.transpose(1, 2), t)\n")
    record = loss(code, "loss =", "cross_entropy", classes=4, target={"shape": [8, 5]})
    made = code.changed("ignore-index", losses=[record], mask_probe=PAD)
    assert made[1] == ["loss = F.cross_entropy(out.transpose(1, 2), t.masked_fill((x == 0), -100))"]


DATASET = """
    class Rows(Dataset):
        def __init__(self, rows):
            self.x, self.y = 1, 2
            self.labels = torch.tensor(rows)
        def __getitem__(self, i):
            return self.x[i], self.labels[i]
    net = nn.Sequential(nn.Linear(4, 3))
    """


def test_labels_begin_at_zero_and_outputs_grow(tmp_path):
    code = Code(tmp_path, DATASET)
    head = code.at("nn.Linear", "created_") | {"cls": "Linear", "name": "0", "order": 1, "is_leaf": True, "model": "S"}
    facts = {
        "run": [{"exception": "IndexError: Target 3 is out of bounds."}],
        "loaders": [code.at("return", "dataset_")],
        "modules": [{"order": 0, "output_shape": [8, 3]}, head | {"settings": {"out_features": 3}}],
    }
    assert code.changed("start-at-zero", **facts)[1] == ["self.labels = torch.tensor(rows) - 1"]
    assert code.changed("more-outputs", **facts)[1] == ["net = nn.Sequential(nn.Linear(4, 4))"]
    with pytest.raises(NotApplicable, match="not known"):
        code.patches("start-at-zero", **facts | {"run": [{"exception": "IndexError: Target 7 is out of bounds."}]})


def test_labels_of_evaluation_from_another_line_are_not_shifted_apart(tmp_path):
    code = Code(
        tmp_path, "a = load()\nb = load_more()\nloss = F.cross_entropy(net(x), a)\nval = F.cross_entropy(net(x), b)\n"
    )
    train = loss(code, "loss =", "cross_entropy", **code.at("a = load()", "target_"))
    val = loss(code, "val =", "cross_entropy", "eval", **code.at("b = load", "target_"))
    targets = [{"phase": "train", "kind": "classes", "min": 1, "max": 3, "outputs": 3}]
    with pytest.raises(NotApplicable, match="another line"):
        code.patches("start-at-zero", losses=[train, val], targets=targets)


COPIED = [{"shifted_identity": True}]


def test_target_is_cut_out_one_later(tmp_path):
    code = Code(
        tmp_path, "x = data[i : i + n]\ny = data[i : i + n].clone()\nloss = F.cross_entropy(net(x).flatten(0, 1), y)\n"
    )
    record = loss(code, "loss =", "cross_entropy", **code.at("y = data", "target_"))
    made = code.changed("shift-target", losses=[record], target_in_input=COPIED)
    assert made[1] == ["y = data[i + 1 : i + n + 1].clone()"]


def test_outputs_but_the_last_meet_targets_but_the_first(tmp_path):
    code = Code(tmp_path, "out = net(x)\nloss = F.cross_entropy(out.view(-1, 50), x.view(-1))\n")
    made = code.changed("shift-target", losses=[loss(code, "loss =", "cross_entropy")], target_in_input=COPIED)
    assert made[1] == ["loss = F.cross_entropy(out[:, :-1].reshape(-1, 50), x[:, 1:].reshape(-1))"]


def ended(code, part, said):
    """The run ended there."""
    return [code.at(part, "exception_") | {"exception": said}]


def test_inputs_become_floats_where_they_are_made(tmp_path):
    code = Code(tmp_path, "def load():\n    x = torch.from_numpy(a / b)\n    return x\n")
    said = ended(code, "return", "RuntimeError: mat1 and mat2 must have the same dtype, but got Double and Float")
    inputs = [{"phase": "train", "dtype": "float64"} | code.at("from_numpy", "scale_")]
    assert code.changed("float-inputs", run=said, inputs=inputs)[1] == ["x = torch.from_numpy(a / b).float()"]


def test_labels_get_the_type_of_the_loss(tmp_path):
    code = Code(tmp_path, "loss = criterion(net(x), y)\nval = criterion(net(x), a + b)\n")
    said = ended(code, "loss =", "RuntimeError: expected scalar type Long but found Float")
    made = code.changed("long-labels", run=said)[1]
    assert made == ["loss = criterion(net(x), y.long())", "val = criterion(net(x), (a + b).long())"]


def test_class_numbers_get_cross_entropy_and_an_output_each(net):
    code, facts = net
    numbers = {"target": {"shape": [8], "integral": True, "min": 0, "max": 9}, "input": {"shape": [8]}}
    facts["losses"] = [loss(code, "loss = loss_fn", "mse_loss", made="MSELoss", **numbers)]
    head = code.at("self.head", "created_") | {
        "cls": "Linear",
        "name": "head",
        "order": 2,
        "is_leaf": True,
        "model": "N",
    }
    facts["modules"] = [head | {"settings": {"out_features": 1}}]
    assert code.changed("cross-entropy", **facts)[1] == [
        "self.head = nn.Linear(8, 10)", "loss_fn = nn.CrossEntropyLoss()", "loss = loss_fn(net(x), y.long())",
    ]  # fmt: skip


def test_softmax_of_one_output_becomes_binary_cross_entropy(tmp_path):
    code = Code(tmp_path, "out = net(x)\nloss = F.cross_entropy(out, y)\nhits = out.argmax(1) == y\n")
    target = {"min": 0, "max": 1, "distinct": 2, "shape": [8], "dtype": "int64"}
    record = loss(code, "loss =", "cross_entropy", classes=1, target=target, input={"shape": [8, 1]})
    assert code.changed("bce-with-logits", losses=[record])[1] == [
        "loss = F.binary_cross_entropy_with_logits(out.squeeze(1), y.float())",
        "hits = (out.squeeze(1) > 0).long() == y",
    ]
