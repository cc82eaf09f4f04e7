"""Fixes of architecture and initialisation."""

import pytest

from netvet.fixes.source import NotApplicable
from tests.fixes.code import Code

NET = """
    import torch
    import torch.nn.functional as F
    from torch import nn


    class Net(nn.Module):
        def __init__(self, width=8):
            super().__init__()
            self.fc1 = nn.Linear(4, width)
            self.fc2 = nn.Linear(width, width)
            self.fc3 = nn.Linear(width, 2)

        def forward(self, x):
            x = torch.tanh(self.fc1(x))  # first
            x = F.sigmoid(self.fc2(x))  # second
            return self.fc3(x)  # third


    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # made
    """
LIST = """
    import torch
    from torch import nn
    model = nn.Sequential(
        nn.Linear(4, 8),
        nn.Tanh(),
        nn.Linear(8, 2),
        nn.Sigmoid(),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # made
    """


def node(number, op, below=(), **fields):
    return {"backward": "b", "id": number, "op": op, "next": list(below), "depth": number, **fields}


def weight(number, name):
    return node(number, "AccumulateGrad", parameter=name, shape=[2, 2])


def linear(code, name, number, called, made, shape=(5, 8), entering=(5, 8)):
    at = code.at(made, "created_") | (code.at(called, "called_") if called else {})
    return at | {"name": name, "cls": "Linear", "called": 1, "order": number, "model": "Net",
                 "input_shape": list(entering), "output_shape": list(shape)}  # fmt: skip


@pytest.fixture
def net(tmp_path):
    code = Code(tmp_path, NET)
    modules = [
        linear(code, "fc1", 1, "# first", "self.fc1 =", entering=(5, 4)),
        linear(code, "fc2", 2, "# second", "self.fc2 ="),
        linear(code, "fc3", 3, "# third", "self.fc3 =", shape=(5, 2)),
    ]
    graph = [
        node(0, "Addmm", (1, 2)), weight(1, "fc3.weight"),
        node(2, "Sigmoid", (3,), **code.at("# second")), node(3, "Addmm", (4, 5)), weight(4, "fc2.weight"),
        node(5, "Tanh", (6,), **code.at("# first")), node(6, "Addmm", (7,)), weight(7, "fc1.weight"),
    ]  # fmt: skip
    return code, {"modules": modules, "graph": graph, "optimizers": [code.at("# made") | {"cls": "SGD"}]}


@pytest.fixture
def layers(tmp_path):
    folder = tmp_path / "layers"
    folder.mkdir()
    code = Code(folder, LIST)
    graph = [
        node(0, "Sigmoid", (1,), module="3", **code.at("nn.Sigmoid"), **code.at("nn.Sigmoid", "created_")),
        node(1, "Addmm", (2, 3)), weight(2, "2.weight"),
        node(3, "Tanh", (4,), module="1", **code.at("nn.Tanh"), **code.at("nn.Tanh", "created_")),
        node(4, "Addmm", (5,)), weight(5, "0.weight"),
    ]  # fmt: skip
    modules = [
        linear(code, "0", 1, None, "nn.Linear(4, 8)", entering=(5, 4)),
        linear(code, "2", 2, None, "nn.Linear(8, 2)", shape=(5, 2)),
    ]
    return code, {"modules": modules, "graph": graph, "optimizers": [code.at("# made") | {"cls": "SGD"}]}


def test_functions_between_layers_are_replaced(net):
    code, facts = net
    assert code.changed("relu", **facts)[1] == [
        "x = torch.relu(self.fc1(x))  # first", "x = F.relu(self.fc2(x))  # second",
    ]  # fmt: skip
    assert code.changed("gelu", **facts)[1][0] == "x = torch.nn.functional.gelu(self.fc1(x))  # first"


def test_activation_of_the_output_stays(layers):
    code, facts = layers
    assert code.changed("leaky-relu", **facts) == (["nn.Tanh(),"], ["nn.LeakyReLU(),"])


def test_gates_stay(net):
    code, facts = net
    gate = node(9, "Mul", (5, 6))
    graph = [n | {"next": [4, 9]} if n["id"] == 3 else n for n in facts["graph"]]
    made = code.changed("relu", **facts | {"graph": [*graph, gate]})[1]
    assert made == ["x = F.relu(self.fc2(x))  # second"]


def test_activation_is_put_behind_the_first_layer_of_a_pair(net, layers):
    code, facts = net
    given = {"evidence": {"pairs": [["fc2", "fc3"]]}, **facts, "graph": []}
    assert code.changed("add-activation", **given)[1] == ["x = F.sigmoid(torch.relu(self.fc2(x)))  # second"]
    code, facts = layers
    text = code.patches("add-activation", evidence={"pairs": [["0", "2"]]}, **facts | {"graph": []})[0]
    assert "    nn.Linear(4, 8),\n    nn.ReLU(),\n    nn.Tanh(),\n" in text


def test_weights_are_drawn_before_the_optimizer_is_made(net):
    code, facts = net
    text = code.patches("he-init", **facts)[0]
    loop = "for module in model.modules():\n    if isinstance(module, torch.nn.Linear):\n"
    assert text.index("model = Net()") < text.index(loop) < text.index("optimizer =")
    assert '        torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")\n' in text


def test_loaded_weights_are_not_drawn_anew(net):
    code, facts = net
    with pytest.raises(NotApplicable, match="loaded"):
        code.patches("xavier-init", parameters=[{"loaded": True}], **facts)


def test_lines_that_set_weights_are_removed_with_their_block(tmp_path):
    code = Code(tmp_path, NET.replace("model = Net()", """model = Net()
    with torch.no_grad():
        model.fc1.weight.fill_(0.5)"""))  # fmt: skip
    parameter = {"layer": "fc1", "shape": [8, 4], "init_std": 0.0, **code.at("fill_", "init_")}
    facts = {"parameters": [parameter], "modules": [{"name": "fc1", "cls": "Linear"}]}
    assert code.changed("default-init", **facts) == (["with torch.no_grad():", "model.fc1.weight.fill_(0.5)"], [])
    assert code.changed("random-init", **facts)[1] == ["torch.nn.init.xavier_uniform_(model.fc1.weight)"]


def test_norms_stand_behind_hidden_layers(net, layers):
    code, facts = net
    assert code.changed("batch-norm", **facts)[1] == [
        "self.fc1_norm = nn.BatchNorm1d(width)", "self.fc2_norm = nn.BatchNorm1d(width)",
        "x = torch.tanh(self.fc1_norm(self.fc1(x)))  # first", "x = F.sigmoid(self.fc2_norm(self.fc2(x)))  # second",
    ]  # fmt: skip
    code, facts = layers
    assert code.changed("layer-norm", **facts)[1] == ["nn.LayerNorm(8),"]


def test_group_norm_takes_the_place_of_batch_norm(tmp_path):
    code = Code(tmp_path, "from torch import nn\nnorm = nn.BatchNorm2d(48, momentum=0.1)\n")
    modules = [{"name": "norm", "cls": "BatchNorm2d", "input_shape": [2, 48, 4, 4], **code.at("norm =", "created_")}]
    assert code.changed("group-norm", modules=modules)[1] == ["norm = nn.GroupNorm(8, 48)"]


def test_bias_is_left_out_unless_it_is_set_by_name(net):
    code, facts = net
    given = {"evidence": {"biases": ["fc1.bias"]}, **facts}
    assert code.changed("no-bias", **given)[1] == ["self.fc1 = nn.Linear(4, width, bias=False)"]
    code = Code(code.folder, NET.rstrip() + "\n    model.fc1.bias.data.zero_()\n")
    with pytest.raises(NotApplicable, match="by name"):
        code.patches("no-bias", **given)


def test_lists_of_layers_are_registered(tmp_path):
    code = Code(tmp_path, """
        import torch
        class Net(torch.nn.Module):
            def __init__(self):
                self.layers = [torch.nn.Linear(2, 2)]  # kept
                self.scale = torch.ones(2, requires_grad=True)
                self.both = torch.nn.Linear(2, 2), 3
        """)  # fmt: skip
    kept = {"owner": "layers[0].weight", **code.at("# kept", "kept_")}
    listed = code.changed("module-list", unregistered=[kept])[1]
    assert listed == ["self.layers = torch.nn.ModuleList([torch.nn.Linear(2, 2)])  # kept"]
    scale = {"owner": "scale", **code.at("self.scale", "kept_")}
    assert "torch.nn.Parameter(torch.ones" in code.changed("module-list", unregistered=[scale])[1][0]
    with pytest.raises(NotApplicable, match="neither a list"):
        code.patches("module-list", unregistered=[{"owner": "both[0].weight", **code.at("self.both", "kept_")}])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x.view(t, b, f)", "x.permute(1, 0, 2)"),
        ("x.reshape(x.shape[0], x.shape[2], x.size(1))", "x.permute(0, 2, 1)"),
    ],
)
def test_view_in_another_order_becomes_permute(tmp_path, old, new):
    code = Code(tmp_path, f"def forward(x):\n    b, t, f = x.shape\n    return {old}\n")
    assert code.changed("permute", batch_mixing=[code.at("return")])[1] == [f"return {new}"]


def test_view_that_only_cuts_is_left(tmp_path):
    code = Code(tmp_path, "def forward(x):\n    b, t, f = x.shape\n    return x.view(b, t * f)\n")
    with pytest.raises(NotApplicable, match="another order"):
        code.patches("permute", batch_mixing=[code.at("return")])


def test_recurrent_layer_is_told_that_samples_come_first(tmp_path):
    code = Code(tmp_path, "from torch import nn\nlstm = nn.LSTM(3, 4)\n")
    layer = {"cls": "LSTM", "input_shape": [5, 7, 3], **code.at("lstm =", "created_")}
    made = code.changed("batch-first", modules=[{"order": 0, "input_shape": [5, 7, 3]}, layer])[1]
    assert made == ["lstm = nn.LSTM(3, 4, batch_first=True)"]
    with pytest.raises(NotApplicable, match="moves time"):
        code.patches("batch-first", modules=[{"order": 0, "input_shape": [7, 5, 3]}, layer])


@pytest.mark.parametrize(
    ("call", "read", "first", "new"),
    [
        ("out, state = self.rnn(x)", "out[:, 0]", True, "out[:, -1]"),
        ("out, (h, c) = self.rnn(x)", "out[0]", False, "out[-1]"),
        ("both = self.rnn(x)", "both[0][:, 0, :]", True, "both[0][:, -1, :]"),
        ("out = self.rnn(x)[0]", "out[:, 0]", True, "out[:, -1]"),
    ],
)
def test_output_after_the_last_step_is_read(tmp_path, call, read, first, new):
    code = Code(tmp_path, f"def forward(self, x):\n    {call}\n    return self.head({read})\n")
    layer = {"cls": "LSTM", "settings": {"batch_first": first}, **code.at(call, "called_")}
    assert code.changed("last-state", modules=[layer])[1] == [f"return self.head({new})"]


@pytest.mark.parametrize(("read", "first"), [("out[:, -1]", True), ("out[0]", True), ("h[0]", False), ("out[0]", None)])
def test_output_that_is_not_after_the_first_step_is_left(tmp_path, read, first):
    code = Code(tmp_path, f"def forward(self, x):\n    out, h = self.rnn(x)\n    return self.head({read})\n")
    layer = {"cls": "GRU" if first is not None else "GRUCell", "settings": {"batch_first": first}}
    with pytest.raises(NotApplicable):
        code.patches("last-state", modules=[layer | code.at("self.rnn", "called_")])


def test_shortcut_is_put_around_layers_that_keep_the_shape(net):
    code, facts = net
    (plain,) = code.patches("residual", **facts)
    assert "x = x + F.sigmoid(self.fc2(x))  # second" in plain
    assert "x = torch.tanh(self.fc1(x))  # first" in plain


@pytest.mark.parametrize(("act", "scale"), [("relu", "12"), ("tanh", "12 ** 0.5")])
def test_shortcuts_around_many_layers_are_scaled_first(tmp_path, act, scale):
    code = Code(tmp_path, f"def forward(x):\n    for layer in layers:\n        x = F.{act}(layer(x))\n    return x\n")
    layer = {"input_shape": [8, 4], "output_shape": [8, 4], "called": True, **code.at("layer(x)", "called_")}
    scaled, plain = code.patches("residual", modules=[{"cls": "Linear", "order": i, **layer} for i in range(12)])
    assert f"x = x + F.{act}(layer(x)) / {scale}\n" in scaled
    assert f"x = x + F.{act}(layer(x))\n" in plain


def test_layer_that_was_left_out_is_called(net):
    code, facts = net
    text = code.patches("call", parameters=[{"layer": "fc1", "reached": False}], **facts)[0]
    assert "    x = F.sigmoid(self.fc1(x))\n        x = F.sigmoid(self.fc2(x))  # second\n" in text
    with pytest.raises(NotApplicable, match="cannot be told"):
        code.patches("call", parameters=[{"layer": "fc3", "reached": False}], **facts)


def test_width_is_changed_where_it_comes_from(net, layers):
    code, facts = net
    assert code.changed("wider", **facts)[1] == ["def __init__(self, width=32):"]
    code, facts = layers
    assert code.changed("narrower", **facts)[1] == ["nn.Linear(4, 2),", "nn.Linear(2, 2),"]


def test_dropout_is_put_in_front_of_the_last_layer(net, layers):
    code, facts = net
    given = "torch.nn.functional.dropout(x, 0.5, training=self.training)"
    assert code.changed("more-dropout", **facts)[1] == [f"return self.fc3({given})  # third"]
    code, facts = layers
    assert "nn.Tanh(),\n    nn.Dropout(0.5),\n    nn.Linear(8, 2)," in code.patches("more-dropout", **facts)[0]


def test_dropout_is_made_smaller(tmp_path):
    code = Code(tmp_path, "from torch import nn\nKEEP = 0.9\ndrop = nn.Dropout(KEEP)\n")
    modules = [{"cls": "Dropout", "settings": {"p": 0.9}, "input_shape": [2, 3, 4, 4], **code.at("drop =", "created_")}]
    assert code.changed("less-dropout", modules=modules)[1] == ["drop = nn.Dropout(0.5)"]
    assert code.changed("no-dropout", modules=modules)[1] == ["drop = nn.Dropout(0)"]
    assert code.changed("dropout-2d", modules=modules)[1] == ["drop = nn.Dropout2d(KEEP)"]


def test_masks_are_handed_to_attention(tmp_path):
    code = Code(tmp_path, """
        import torch
        class Net(torch.nn.Module):
            def __init__(self):
                self.encoder = torch.nn.TransformerEncoder(layer, 2)
            def forward(self, h, mask):
                return self.encoder(h)
        """)  # fmt: skip
    encoder = {"name": "encoder", "cls": "TransformerEncoder", "called": 1, "settings": {"batch_first": True}}
    encoder |= code.at("return", "called_")
    facts = {
        "modules": [encoder],
        "mask_probe": [{"mask": "mask", "pad_share": 0.2}],
        "inputs": [{"position": "1", "phase": "train", "dtype": "bool", "mean": 0.8}],
    }
    assert code.changed("apply-mask", **facts)[1] == ["return self.encoder(h, src_key_padding_mask=~mask)"]
    assert "generate_square_subsequent_mask(h.size(1)" in code.changed("causal-mask", **facts)[1][0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("q @ k.mT * math.sqrt(d)", "q @ k.mT / math.sqrt(d)"),
        ("torch.matmul(q, k.mT)", "(torch.matmul(q, k.mT)) / q.size(-1) ** 0.5"),
    ],
)
def test_scores_are_divided_by_the_root_of_the_width(tmp_path, old, new):
    code = Code(tmp_path, f"def scores(q, k, d):\n    return {old}\n")
    assert code.changed("scale-scores", attention=[code.at("return")])[1] == [f"return {new}"]


def test_last_layer_begins_smaller(layers):
    code, facts = layers
    text = code.patches("smaller-init", **facts)[0]
    assert "with torch.no_grad():\n    model[2].weight.mul_(0.1)\noptimizer" in text
