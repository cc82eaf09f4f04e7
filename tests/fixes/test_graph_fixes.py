"""Fixes of graphs, of parameters that do not learn, of evaluations and of batches."""

import pytest

from netvet.fixes.source import NotApplicable
from tests.fixes.code import Code


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("p.requires_grad = False", "p.requires_grad = True"),
        ("net.body.requires_grad_(False)", "net.body.requires_grad_(True)"),
        ("emb = nn.Embedding.from_pretrained(w)", "emb = nn.Embedding.from_pretrained(w, freeze=False)"),
    ],
)
def test_frozen_layers_are_trained(tmp_path, old, new):
    code = Code(tmp_path, f"{old}\n")
    frozen = {"requires_grad": False, "loaded": False} | code.at(old, "frozen_")
    assert code.changed("unfreeze", parameters=[frozen]) == ([old], [new])
    with pytest.raises(NotApplicable):
        code.patches("unfreeze", parameters=[frozen | {"loaded": True}])


def missing(model):
    return {"model": model, "in_optimizer": False, "requires_grad": True, "reached": True}


def test_part_of_a_model_becomes_the_whole(tmp_path):
    code = Code(tmp_path, "opt = Adam(self.net.head[0].parameters(), lr=1)\n")
    made = code.at("Adam") | {"cls": "Adam", "models": ["Net"], "parameters": ["head.0.weight", "head.0.bias"]}
    assert code.changed("add-parameters", optimizers=[made], parameters=[missing("Net")])[1] == [
        "opt = Adam(self.net.parameters(), lr=1)"
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("opt = Adam([*m.mix.parameters(), *m.head.parameters()], lr=1)\n", "opt = Adam(m.parameters(), lr=1)"),
        ("opt = Adam(list(m.mix.parameters()) + list(m.head.parameters()))\n", "opt = Adam(m.parameters())"),
        (
            "some = [*m.mix.parameters(), *m.head.parameters()]\nopt = Adam(some, lr=1)\n",
            "some = list(m.parameters())",
        ),
    ],
)
def test_parts_of_a_model_become_the_whole(tmp_path, text, line):
    code = Code(tmp_path, text)
    made = code.at("Adam") | {"cls": "Adam", "models": ["Net"], "parameters": ["mix.weight", "head.weight"]}
    assert code.changed("add-parameters", optimizers=[made], parameters=[missing("Net")])[1] == [line]


@pytest.mark.parametrize(
    "given",
    [
        "[*m.mix.parameters(), *other.head.parameters()]",
        "[{'params': m.mix.parameters()}, {'params': m.head.parameters(), 'lr': 2}]",
    ],
)
def test_parts_of_two_models_or_groups_are_left(tmp_path, given):
    code = Code(tmp_path, f"opt = Adam({given}, lr=1)\n")
    made = code.at("Adam") | {"cls": "Adam", "models": ["Net"], "parameters": ["mix.weight", "head.weight"]}
    with pytest.raises(NotApplicable, match="not called once"):
        code.patches("add-parameters", optimizers=[made], parameters=[missing("Net")])


def test_parameters_of_another_model_are_added(tmp_path):
    text = "enc, dec = Encoder(), Decoder()\nopt = Adam(dec.parameters(), lr=1)\nout = dec(enc(x))\n"
    code = Code(tmp_path, text)
    made = code.at("Adam") | {"cls": "Adam", "models": ["Decoder"], "parameters": ["a.weight"]}
    facts = {"optimizers": [made], "parameters": [missing("Encoder")]}
    facts["calls"] = [code.at("out =") | {"model": "Encoder", "phase": "train"}]
    assert code.changed("add-parameters", **facts)[1] == ["opt = Adam([*dec.parameters(), *enc.parameters()], lr=1)"]
    late = Code(tmp_path, "dec = Decoder()\nopt = Adam(dec.parameters(), lr=1)\nenc = Encoder()\nout = dec(enc(x))\n")
    facts["calls"] = [late.at("out =") | {"model": "Encoder"}]
    with pytest.raises(NotApplicable, match="not known"):
        late.patches("add-parameters", **facts)


def test_optimizer_moves_behind_the_model_that_is_made_again(tmp_path):
    code = Code(tmp_path, "net = make()\nopt = Adam(net.parameters(), lr=1)\nnet = wrap(net, 3)\nopt.step()\n")
    made = {"optimizers": [code.at("Adam") | {"cls": "Adam"}]}
    assert code.patches("create-later", **made)[0].splitlines()[1:3] == [
        "net = wrap(net, 3)", "opt = Adam(net.parameters(), lr=1)",
    ]  # fmt: skip
    used = Code(tmp_path, "net = make()\nopt = Adam(net.parameters(), lr=1)\nfind(opt)\nnet = wrap(net, 3)\n")
    assert used.patches("create-later", **made)[0].count("Adam") == 2


def test_optimizer_made_again_in_another_method_takes_its_own_rate(tmp_path):
    code = Code(
        tmp_path,
        """
        class Trainer:
            def __init__(self, net, lr):
                self.net = net
                self.opt = Adam(self.net.parameters(), lr=lr)
            def widen(self):
                self.net = Wide()
        """,
    )
    assert code.changed("create-later", optimizers=[code.at("Adam") | {"cls": "Adam"}])[1] == [
        'self.opt = Adam(self.net.parameters(), lr=self.opt.defaults["lr"])'
    ]


def test_graph_is_kept_through_numbers_and_new_tensors(tmp_path):
    code = Code(
        tmp_path,
        """
        a = criterion(out, y).item()
        total = a + 0.5 * float(b)
        loss = torch.tensor(total, requires_grad=True)
        loss.backward()
        """,
    )
    backward = code.at("backward") | code.at("torch.tensor", "made_") | {"has_graph": False}
    assert code.changed("keep-graph", backwards=[backward])[1] == [
        "a = criterion(out, y)", "total = a + 0.5 * b", "loss = total",
    ]  # fmt: skip


def test_detach_is_taken_away_but_not_before_numpy(tmp_path):
    code = Code(tmp_path, "h = self.rnn(x)[1].detach()\n")
    assert code.changed("keep-graph", cuts=[code.at("detach") | {"inside": True}])[1] == ["h = self.rnn(x)[1]"]
    code = Code(tmp_path, "h = self.rnn(x)[1].detach().cpu().numpy()\n")
    with pytest.raises(NotApplicable, match="numpy"):
        code.patches("keep-graph", cuts=[code.at("detach") | {"inside": True}])


def test_no_grad_is_taken_away_and_its_block_stays(tmp_path):
    code = Code(
        tmp_path,
        """
        def forward(self, x):
            with torch.no_grad():
                h = self.body(x)
                h = h.relu()
            return self.head(h)
        """,
    )
    text = code.patches("enable-grad", cuts=[code.at("self.body") | {"inside": True}])[0]
    assert text.splitlines()[1:3] == ["    h = self.body(x)", "    h = h.relu()"]


def test_no_grad_of_a_helper_is_taken_away(tmp_path):
    code = Code(
        tmp_path, "@torch.no_grad()\ndef predict(x):\n    return net(x)\nloss = f(predict(x), y)\nloss.backward()\n"
    )
    backward = code.at("backward") | code.at("loss = f", "made_") | {"has_graph": False}
    assert code.changed("enable-grad", backwards=[backward]) == (["@torch.no_grad()"], [])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("total += loss", "total += loss.detach()"),
        ("history.append(loss / n)", "history.append((loss / n).detach())"),
        ("total = total + loss", "total = total + loss.detach()"),
        ("self.outputs[i] = out", "self.outputs[i] = out.detach()"),
    ],
)
def test_what_is_kept_is_detached(tmp_path, old, new):
    code = Code(tmp_path, f"{old}\n")
    assert code.changed("detach-kept", retained_losses=[code.at(old)])[1] == [new]


def test_carried_state_is_detached(tmp_path):
    code = Code(
        tmp_path,
        """
        state = None
        model.train()
        for x, y in loader:
            out, state = model(x, state)
            f(out, y).backward(retain_graph=True)
        """,
    )
    facts = {
        "calls": [code.at("model(x") | {"model": "Net", "phase": "train"}],
        "modules": [{"cls": "LSTM"}], "backwards": [code.at("backward")],
    }  # fmt: skip
    text = code.patches("detach-hidden", **facts)[0]
    assert "    if state is not None:\n        state = tuple(s.detach() for s in state)\n    out, state" in text
    assert "f(out, y).backward()" in text
    assert code.changed("drop-retain-graph", backwards=[code.at("backward")])[1] == ["f(out, y).backward()"]


def test_return_goes_behind_the_loop_of_the_evaluation(tmp_path):
    code = Code(
        tmp_path,
        """
        def accuracy(loader):
            for x, y in loader:
                right += net(x) == y
                return right / n
        """,
    )
    text = code.patches("whole-set", evaluations=[code.at("return", "exit_")])[0]
    assert text.endswith("== y\n    return right / n\n")


def test_break_goes_with_its_condition(tmp_path):
    code = Code(tmp_path, "for i, x in enumerate(loader):\n    net(x)\n    if i > 2:\n        break\n")
    assert code.changed("whole-set", evaluations=[code.at("break", "exit_")]) == (["if i > 2:", "break"], [])


def test_batches_grow_and_shrink(tmp_path):
    code = Code(tmp_path, "loader = DataLoader(data, 32, shuffle=True)\n")
    facts = {"loaders": [code.at("DataLoader", "created_") | {"phase": "train"}]}
    assert code.changed("larger-batch", **facts)[1] == ["loader = DataLoader(data, 128, shuffle=True)"]
    assert code.changed("smaller-batch", **facts)[1] == ["loader = DataLoader(data, 8, shuffle=True)"]
    hand = Code(tmp_path, "for rows in torch.randperm(n).split(args.size):\n    net(x[rows]).backward()\n")
    assert hand.changed("smaller-batch", backwards=[hand.at("backward")])[1] == [
        "for rows in torch.randperm(n).split(max(1, args.size // 4)):"
    ]


OPTION = """
    parser.add_argument("--batch-size", type=int, default=2)
    args = parser.parse_args()
    def batches(data, size, steps):
        sampler = RandomSampler(data, num_samples=steps * size)
        return DataLoader(data, batch_size=size, sampler=sampler)
    loader = batches(data, args.batch_size, 10)
    """


def test_batch_size_is_changed_where_it_comes_from(tmp_path):
    code = Code(tmp_path, OPTION)
    facts = {"loaders": [{"phase": "train", **code.at("return DataLoader", "created_")}]}
    assert code.changed("larger-batch", **facts)[1] == ['parser.add_argument("--batch-size", type=int, default=8)']
    given = facts | {"run": [{"arguments": ["--batch-size=2"]}]}
    assert code.changed("larger-batch", **given)[1] == ["return DataLoader(data, batch_size=4 * size, sampler=sampler)"]


def test_generators_are_seeded_with_the_seed_of_the_script(tmp_path):
    text = 'import numpy as np\np = argparse.ArgumentParser()\np.add_argument("--seed")\nargs = p.parse_args()\n'
    code = Code(tmp_path, text)
    made = code.patches("set-seed", run=[{"script": "train.py"}])[0]
    assert made.endswith("args = p.parse_args()\ntorch.manual_seed(args.seed)\nnumpy.random.seed(args.seed)\n")
    plain = Code(tmp_path, "import torch\nx = torch.rand(3)\n")
    assert plain.patches("set-seed", run=[{"script": "train.py"}])[0] == (
        "import torch\ntorch.manual_seed(0)\nx = torch.rand(3)\n"
    )


def test_run_and_its_schedule_become_longer(tmp_path):
    text = "s = CosineAnnealingLR(opt, T_max=args.epochs)\nfor e in range(1, args.epochs + 1):\n    loss.backward()\n"
    code = Code(tmp_path, text)
    facts = {
        "backwards": [code.at("backward") | code.at("range", "loop_")],
        "schedulers": [code.at("Cosine") | {"cls": "CosineAnnealingLR", "horizon": 9}],
    }
    assert code.changed("train-longer", **facts)[1] == [
        "s = CosineAnnealingLR(opt, T_max=3 * args.epochs)", "for e in range(1, 3 * args.epochs + 1):",
    ]  # fmt: skip
