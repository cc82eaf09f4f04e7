"""Fixes of depth, width from lists of sizes, heads, attention, residual branches and units."""

import pytest

from netvet.fixes.source import NotApplicable
from tests.fixes.code import Code


def layer(code, name, made, order, shape=(5, 8), entering=(5, 8), cls="Linear", **more):
    at = code.at(made, "created_")
    return at | {"name": name, "cls": cls, "called": 1, "order": order, "model": "Net", "is_leaf": True,
                 "input_shape": list(entering), "output_shape": list(shape)} | more  # fmt: skip


PAIRS = """
    from torch import nn
    class Net(nn.Module):
        def __init__(self, sizes):
            self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))  # made
    widths = [4, 8, 16, 2]
    model = Net(widths)
    """
GROWING = """
    from torch import nn
    layers, n_in = [], 4
    for width in (8, 8):
        layers += [nn.Linear(n_in, width), nn.ReLU()]  # made
        n_in = width
    model = nn.Sequential(*layers, nn.Linear(n_in, 2))  # last
    """


@pytest.mark.parametrize(
    "made",
    [
        "nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])",
        "nn.Linear(a, b) for a, b in pairwise(sizes)",
        "nn.Linear(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 1)",
    ],
)
def test_hidden_sizes_of_a_list_are_changed(tmp_path, made):
    code = Code(tmp_path, PAIRS.replace("nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])", made))
    modules = [layer(code, f"layers.{i}", "# made", i) for i in range(3)]
    assert code.changed("wider", modules=modules)[1] == ["widths = [4, 32, 64, 2]"]
    assert code.changed("fewer-layers", modules=modules)[1] == ["widths = [4, 8, 2]"]


def test_sizes_of_a_growing_list_are_all_hidden(tmp_path):
    code = Code(tmp_path, GROWING)
    modules = [layer(code, "0", "# made", 0), layer(code, "2", "# made", 1), layer(code, "4", "# last", 2)]
    assert code.changed("narrower", modules=modules)[1] == ["for width in (2, 2):"]
    assert code.changed("fewer-layers", modules=modules)[1] == ["for width in (8,):"]


def test_sizes_that_two_callers_give_are_left(tmp_path):
    code = Code(tmp_path, PAIRS.rstrip() + "\n    other = Net([4, 2])\n")
    with pytest.raises(NotApplicable, match="no number"):
        code.patches("wider", modules=[layer(code, f"layers.{i}", "# made", i) for i in range(3)])


def test_stack_that_is_counted_is_halved(tmp_path):
    code = Code(tmp_path, """
        from torch import nn
        class Net(nn.Module):
            def __init__(self, depth=12):
                self.hidden = nn.ModuleList(nn.Linear(8, 8) for _ in range(depth))  # made
                self.last = nn.Linear(8, 2)
        """)  # fmt: skip
    modules = [layer(code, f"hidden.{i}", "# made", i) for i in range(12)] + [layer(code, "last", "self.last", 12)]
    half, eighth = code.patches("fewer-layers", modules=modules)
    assert "depth=6" in half
    assert "depth=1)" in eighth


@pytest.mark.parametrize(
    ("stack", "calls", "half"),
    [("depth", "DEPTH", "DEPTH = 6"), ("depth=4", "12", "stack(6)"), ("depth=12", "", "depth=6")],
)
def test_depth_that_a_caller_gives_is_halved_there(tmp_path, stack, calls, half):
    code = Code(tmp_path, f"""
        from torch import nn
        DEPTH = 12
        def stack({stack}):
            hidden = [nn.Linear(8, 8) for _ in range(depth)]  # made
            return nn.Sequential(*hidden, nn.Linear(8, 2))  # head
        model = stack({calls})
        """)  # fmt: skip
    modules = [layer(code, str(i), "# made", i) for i in range(12)] + [layer(code, "12", "# head", 12)]
    assert half in code.patches("fewer-layers", modules=modules)[0]
    twice = Code(tmp_path, f"{code.text}other = stack(3)\n")
    if calls:
        with pytest.raises(NotApplicable, match="several callers"):
            twice.patches("fewer-layers", modules=modules)


SEQUENTIAL = """
    from torch import nn
    model = nn.Sequential(
        nn.Linear(4, 16),
        nn.ReLU(),
        nn.Linear(16, 8),  # second
        nn.ReLU(),
        nn.Linear(8, 2),
    )
    """


def test_last_hidden_layer_of_a_sequential_goes(tmp_path):
    code = Code(tmp_path, SEQUENTIAL)
    modules = [layer(code, n, m, i) for i, (n, m) in enumerate([("0", "(4, 16)"), ("2", "# second"), ("4", "(8, 2)")])]
    text = code.patches("fewer-layers", modules=modules)[0]
    assert "    nn.Linear(4, 16),\n    nn.ReLU(),\n    nn.Linear(16, 2),\n)" in text
    code = Code(tmp_path, SEQUENTIAL.rstrip() + "\n    model[2].bias.data.zero_()\n")
    with pytest.raises(NotApplicable, match="by their number"):
        code.patches("fewer-layers", modules=modules)


@pytest.mark.parametrize(
    "scores",
    [
        "q @ k.transpose(-2, -1) / 8",
        "torch.matmul(q, k.mT)",
        'torch.einsum("bhid,bhjd->bhij", q, k)',
        "F.scaled_dot_product_attention(q, k, v)",
    ],
)
def test_queries_and_keys_are_normalised(tmp_path, scores):
    code = Code(tmp_path, f"import torch\ndef attend(q, k, v):\n    return {scores}\n")
    wanted = [f"{n} = torch.nn.functional.layer_norm({n}, {n}.shape[-1:])" for n in "qk"]
    assert code.changed("qk-norm", attention=[code.at("return")]) == ([], wanted)


def test_normalised_queries_may_be_asked_for_their_size(tmp_path):
    code = Code(tmp_path, """
        import torch.nn.functional as F
        def attend(q, k):
            return q @ k.mT / q.size(-1) ** 0.5
        """)  # fmt: skip
    wanted = [f"{n} = F.layer_norm({n}, {n}.shape[-1:])" for n in "qk"]
    assert code.changed("qk-norm", attention=[code.at("return")]) == ([], wanted)
    code = Code(tmp_path, "import torch\ndef attend(q, k):\n    return q @ k.mT / q.norm()\n")
    assert "layer_norm(q, q.shape[-1:]) @" in code.patches("qk-norm", attention=[code.at("return")])[0]


def test_keys_whose_axes_are_not_seen_are_left(tmp_path):
    code = Code(tmp_path, "def attend(q, k):\n    return q @ k\n")
    with pytest.raises(NotApplicable, match="axis"):
        code.patches("qk-norm", attention=[code.at("return")])
    with pytest.raises(NotApplicable, match="by hand"):
        code.patches("qk-norm")


@pytest.mark.parametrize(
    ("flatten", "pooled", "inputs"),
    [
        ("torch.flatten(h, 1)", "torch.flatten(torch.nn.functional.adaptive_avg_pool2d(h, 1), 1)", "6"),
        ("h.view(h.size(0), -1)", "torch.nn.functional.adaptive_avg_pool2d(h, 1).view(h.size(0), -1)", "6"),
        ("h.reshape(-1, 96)", "torch.nn.functional.adaptive_avg_pool2d(h, 1).reshape(-1, 6)", "6"),
    ],
)
def test_positions_are_averaged_before_they_are_flattened(tmp_path, flatten, pooled, inputs):
    code = Code(tmp_path, f"""
        import torch
        class Net(torch.nn.Module):
            def __init__(self):
                self.conv = torch.nn.Conv2d(1, 6, 3)
                self.head = torch.nn.Linear(6 * 4 * 4, 10)
            def forward(self, x):
                h = self.conv(x)
                h = {flatten}  # flat
                return self.head(h)
        """)  # fmt: skip
    modules = [
        layer(code, "conv", "self.conv =", 0, (5, 6, 4, 4), (5, 1, 6, 6), cls="Conv2d"),
        layer(code, "head", "self.head =", 1, (5, 10), (5, 96), parameters=970),
    ]
    graph = [
        {"backward": "b", "id": 0, "op": "Addmm", "next": [1, 2]},
        {"backward": "b", "id": 1, "op": "AccumulateGrad", "next": [], "parameter": "head.weight", "shape": [10, 96]},
        {"backward": "b", "id": 2, "op": "View", "next": [3], **code.at("# flat")},
        {"backward": "b", "id": 3, "op": "Convolution", "next": []},
    ]
    made = code.changed("pool", modules=modules, graph=graph)[1]
    assert made == [f"self.head = torch.nn.Linear({inputs}, 10)", f"h = {pooled}  # flat"]
    assert "Linear(24, 10)" in code.patches("pool", modules=modules, graph=graph)[1]


def test_branches_begin_at_zero(tmp_path):
    code = Code(tmp_path, """
        import torch
        from torch import nn
        class Block(nn.Module):  # block
            def __init__(self):
                super().__init__()
                self.first = nn.Linear(8, 8)
                self.body = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8))
            def forward(self, x):
                x = x + self.body(x)
                return torch.relu(x)
        """)  # fmt: skip
    modules = [
        {"name": "blocks.0", "cls": "Block", "model": "Net", "is_leaf": False, **code.at("# block")},
        {"name": "blocks.0.body", "cls": "Sequential", "model": "Net", "order": 1, "input_shape": [5, 8]},
        layer(code, "blocks.0.body.0", "self.body =", 2), layer(code, "blocks.0.body.2", "self.body =", 4),
        layer(code, "blocks.0.body.1", "self.body =", 3, cls="ReLU"),
    ]  # fmt: skip
    assert code.changed("zero-init-residual", modules=modules)[1] == [
        "nn.init.zeros_(self.body[2].weight)", "nn.init.zeros_(self.body[2].bias)",
    ]  # fmt: skip
    with pytest.raises(NotApplicable, match="set or loaded"):
        code.patches("zero-init-residual", modules=modules, parameters=[{"layer": "blocks.0.body.2", "loaded": True}])
    ends_in_relu = [{**m, "order": 9} if m["cls"] == "ReLU" else m for m in modules]
    with pytest.raises(NotApplicable, match="no forward adds"):
        code.patches("zero-init-residual", modules=ends_in_relu)


def test_branch_of_two_widths_is_told_from_a_condition(tmp_path):
    text = """
        from torch import nn
        class Block(nn.Module):  # block
            def __init__(self):
                super().__init__()
                self.up = nn.Linear(8, 32)
                self.down = nn.Linear(32, 8)
            def forward(self, x, c):
                h, _ = self.up(x).relu(), 0
                return x + self.down(h)
        """
    code = Code(tmp_path, text)
    modules = [
        {"name": "blocks.0", "cls": "Block", "model": "Net", "is_leaf": False, **code.at("# block")},
        layer(code, "blocks.0.up", "self.up =", 1, (5, 32), (5, 8)),
        layer(code, "blocks.0.down", "self.down =", 2, (5, 8), (5, 32)),
    ]
    assert code.changed("zero-init-residual", modules=modules)[1] == [
        "nn.init.zeros_(self.down.weight)", "nn.init.zeros_(self.down.bias)",
    ]  # fmt: skip
    with pytest.raises(NotApplicable, match="no forward adds"):
        Code(tmp_path, text.replace("self.down(h)", "self.down(c)")).patches("zero-init-residual", modules=modules)


def test_each_unit_gets_the_larger_of_two(tmp_path):
    code = Code(tmp_path, """
        import torch
        from torch import nn
        model = nn.Sequential(
            nn.Linear(4, width),
            nn.ReLU(),
            nn.Linear(width, 2),
        )
        """)  # fmt: skip
    graph = [
        {"backward": "b", "id": 0, "op": "Relu", "next": [1], **code.at("nn.ReLU", "created_")},
        {"backward": "b", "id": 1, "op": "Addmm", "next": [2]},
        {"backward": "b", "id": 2, "op": "AccumulateGrad", "next": [], "parameter": "0.weight", "shape": [8, 4]},
    ]
    modules = [layer(code, "0", "(4, width)", 0), layer(code, "2", "(width, 2)", 2)]
    text = code.patches("maxout", modules=modules, graph=graph)[0]
    assert "    nn.Linear(4, 2 * width),\n    Maxout(-1),\n    nn.Linear(width, 2),\n" in text
    assert text.index("class Maxout(nn.Module)") < text.index("model =")
    called = Code(tmp_path, """
        import torch
        layer = torch.nn.Linear(4, 8)
        h = layer(x).relu()
        """)  # fmt: skip
    lines = called.changed("maxout", modules=[layer(called, "0", "(4, 8)", 0)], graph=[
        {**graph[0], **called.at("relu"), "created_file": None}, *graph[1:],
    ])[1]  # fmt: skip
    assert "h = maxout(layer(x), -1)" in lines
    assert not any("class" in line for line in lines)
    between = [{**graph[0], "next": [9]}, {"backward": "b", "id": 9, "op": "NativeBatchNorm", "next": [1]}, *graph[1:]]
    with pytest.raises(NotApplicable, match="right behind"):
        code.patches("maxout", modules=modules, graph=between)


def test_reason_names_the_recurrent_layer(tmp_path):
    code = Code(tmp_path, "head = Linear(8, 2)\n")
    modules = [{"cls": "GRU", "name": "gru", "model": "Net"}, layer(code, "head", "head =", 1)]
    with pytest.raises(NotApplicable, match="GRU"):
        code.patches("group-norm", modules=modules)
