"""`netvet replay` on small scripts: each breaks in its own way, and the op, the line and the sample are named."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch

from netvet import cli
from netvet.capture.runner import RunOptions, run
from netvet.capture.torch_black_box import BlackBox
from netvet.report.schemas import schema
from netvet.store import Run
from tests.breaking_scripts import (
    EXP_OVERFLOW,
    HALF_OVERFLOW,
    HEAD,
    LARGE_WEIGHTS,
    LOG_OF_ZERO,
    MASKED_ROW,
    NAN_IN_DATA,
    ROOT_OF_ZERO,
    STEP_IN_METHOD,
    ZERO_SPREAD,
    ZERO_TIMES_INFINITY,
)

# script, operation, words of the reason, samples (None: whatever), in backward
CAUSES = {
    "log-of-zero": (LOG_OF_ZERO, "log", "log(0) is infinite", 1, "forward"),
    "root-of-zero": (ROOT_OF_ZERO, "Sqrt", "the derivative of sqrt is not finite at 0", 1, "backward"),
    "zero-spread": (ZERO_SPREAD, "div", "division of zero by zero", [12], "forward"),
    "exp-overflow": (EXP_OVERFLOW, "exp", "more than float32 can hold", [7], "forward"),
    "half-overflow": (HALF_OVERFLOW, "half", "does not fit into float16", [10], "forward"),
    "nan-in-data": (NAN_IN_DATA, None, "already holds 1 times NaN", [19], "forward"),
    "masked-row": (MASKED_ROW, "softmax", "everything is minus infinity", [9], "forward"),
    "large-weights": (LARGE_WEIGHTS, "mse_loss", "more than float32 can hold", list(range(32)), "forward"),
    "zero-times-infinity": (ZERO_TIMES_INFINITY, "reciprocal", "is infinite", [4], "forward"),
}

Script = Callable[..., Path]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts run in this process: what they leave behind goes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    for name in ("NETVET_DEBUG", "RANK"):
        monkeypatch.delenv(name, raising=False)
    torch.set_num_threads(1)


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Writes a script and runs it under watch; gives the folder of the run."""

    def recorded(text: str, *arguments: str, name: str = "train.py") -> Path:
        (tmp_path / name).write_text(text)
        outcome = run(RunOptions(name, False, arguments, tmp_path / "runs", probes=False))
        assert outcome.run_path is not None
        assert not outcome.problems
        return outcome.run_path

    return recorded


def replay(*arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit code and what was found."""
    with pytest.raises(SystemExit) as left:
        cli.main(["replay", "--json", "found.json", *arguments])
    code = int(left.value.code or 0)
    if code == 2:
        return code, {}
    found = json.loads(Path("found.json").read_text())
    jsonschema.validate(found, schema("replay"))
    return code, found


def marked(text: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if line.endswith("# here"))


@pytest.mark.parametrize("cause", CAUSES)
def test_the_operation_the_line_and_the_sample_are_named(script, cause):
    text, operation, why, rows, phase = CAUSES[cause]
    path = script(text)
    state = torch.get_rng_state()
    code, found = replay(str(path))
    origin, samples = found["origin"], found["samples"]
    assert code == 0
    assert found["reproduced"]
    assert found["losses"][-1]["same"] == "bitwise"
    assert (origin["file"], origin["line"]) == ("train.py", marked(text))
    assert why in origin["because"]
    assert operation is None or operation in origin["op"]
    assert origin["phase"] == phase
    assert samples["confirmed"]
    assert samples["rows"] == rows if isinstance(rows, list) else len(samples["rows"]) == rows
    assert torch._C._len_torch_function_stack() == torch._C._len_torch_dispatch_stack() == 0
    assert state.shape == torch.get_rng_state().shape


def test_a_recomputed_forward_is_looked_into(script):
    text = HEAD + (
        "from torch.utils.checkpoint import checkpoint\n"
        "class Block(nn.Linear):\n"
        "    def forward(self, x):\n"
        "        return super().forward(x).pow(2).sqrt()  # here\n"
        "block, head = Block(6, 6, bias=False), nn.Linear(6, 2)\n"
        "model = nn.Sequential(block, head)\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.parts = model\n"
        "    def forward(self, x):\n"
        "        return self.parts[1](checkpoint(self.parts[0], x, use_reentrant=False))\n"
        "net = Net()\n"
        "optimizer = torch.optim.SGD(net.parameters(), 0.1)\n"
        "x = torch.randn(8, 6)\n"
        "x[3] = 0.0\n"
        "F.cross_entropy(net(x), torch.randint(0, 2, (8,))).backward()\n"
        "optimizer.step()\n"
    )
    code, found = replay(str(script(text)))
    assert code == 0
    assert found["origin"]["line"] == marked(text)
    assert found["samples"]["rows"] == [3]


@pytest.mark.parametrize(("value", "words"), [("inf", "already holds 1 times infinity"), ("nan", "1 times NaN")])
def test_data_that_is_not_finite_is_named_rather_than_what_it_does(script, value, words):
    path = script(NAN_IN_DATA.replace('float("nan")', f'float("{value}")'))
    _, found = replay(str(path))
    assert words in found["origin"]["because"]
    assert found["origin"]["given_by"] == "input of Sequential (argument 0)"
    assert found["samples"]["rows"] == [19]


def test_weights_that_overflowed_in_the_update_are_named_with_the_step_that_did_it(script, capsys):
    path = script(LARGE_WEIGHTS.replace("lr=1e4", "lr=1e38").replace("torch.randn(32, 1)", "1e3 * torch.randn(32, 1)"))
    code, found = replay(str(path))
    assert code == 0
    assert found["origin"]["given_by"].startswith("weight ")
    assert found["weights_not_finite"]
    assert found["step_before"] == found["step"] - 1
    assert f"--step {found['step_before']} repeats that one" in " ".join(capsys.readouterr().out.split())
    code, before = replay(str(path), "--step", str(found["step_before"]))
    assert code == 0
    assert before["losses"][0]["same"] == "bitwise"
    assert before["weights_not_finite"] == []


def test_a_loss_that_needs_the_whole_batch_is_said_to(script):
    text = HEAD + (
        "model = nn.Linear(3, 2)\n"
        "optimizer = torch.optim.SGD(model.parameters(), 0.1)\n"
        "for step in range(2):\n"
        "    x = torch.arange(1.0, 5.0)[:, None].expand(4, 3)\n"
        "    out = model(x)\n"
        "    loss = (out.mean() - out.mean().detach() + (x[:, 0].sum() - 10)).log()  # here\n"
        "    loss.backward()\n"
        "    optimizer.step()\n"
    )
    _, found = replay(str(script(text)))
    assert found["origin"]["line"] == marked(text)
    assert not found["samples"] or found["samples"]["rows"] in ([], [0, 1, 2, 3]) or not found["samples"]["confirmed"]


def test_of_two_optimizers_the_right_step_is_repeated(script):
    text = HEAD + (
        "G, D = nn.Linear(2, 3), nn.Linear(3, 1)\n"
        "og, od = (torch.optim.Adam(m.parameters(), 1e-3) for m in (G, D))\n"
        "for step in range(5):\n"
        "    real, z = torch.randn(8, 3), torch.randn(8, 2)\n"
        "    d = F.softplus(-D(real)).mean() + F.softplus(D(G(z).detach())).mean()\n"
        "    od.zero_grad(); d.backward(); od.step()\n"
        "    z = torch.randn(8, 2)\n"
        "    if step == 3:\n"
        "        z[5] = 1e30\n"
        "    p = D(G(z)).sigmoid()\n"
        "    g = (torch.log(p) + torch.log(1 - p)).mean()  # here\n"
        "    og.zero_grad(); g.backward(); og.step()\n"
    )
    code, found = replay(str(script(text)))
    assert code == 0
    assert found["step"] == 7
    assert found["origin"]["line"] == marked(text)
    assert found["samples"]["rows"] == [5]


def test_variables_and_attributes_of_the_step_are_put_back(script):
    text = HEAD + (
        "class Trainer:\n"
        "    def __init__(self):\n"
        "        self.model, self.count = nn.Linear(3, 1), 0\n"
        "        self.optimizer = torch.optim.SGD(self.model.parameters(), 0.01)\n"
        "    def fit(self):\n"
        "        for step in range(6):\n"
        "            for part in range(2):\n"
        "                self.count += 1\n"
        "                x, y = torch.randn(4, 3), torch.randn(4, 1)\n"
        "                scale = 1.0 if self.count != 8 else 1e30\n"
        "                loss = ((self.model(x) - y) * scale).square().mean()  # here\n"
        "                (loss * (1 if step < 4 else 2)).backward()\n"
        "            self.optimizer.step()\n"
        "            self.optimizer.zero_grad()\n"
        "Trainer().fit()\n"
    )
    code, found = replay(str(script(text)))
    assert code == 0
    assert found["step"] == 3
    assert len(found["losses"]) == 2
    assert {loss["same"] for loss in found["losses"]} == {"bitwise"}
    assert found["origin"]["line"] == marked(text)


@pytest.mark.parametrize("where", ["loss", "model"])
def test_an_exception_is_repeated(script, where):
    text = HEAD + (
        "X, Y = torch.randint(0, 5, (16, 3)), torch.randint(0, 2, (16,))\n"
        + ("Y[13] = 9\n" if where == "loss" else "X[13] = 77\n")
        + "model = nn.Sequential(nn.Embedding(5, 4), nn.Flatten(), nn.Linear(12, 2))\n"
        "optimizer = torch.optim.SGD(model.parameters(), 0.1)\n"
        "for i in range(0, 16, 4):\n"
        "    loss = F.cross_entropy(model(X[i : i + 4]), Y[i : i + 4])  # here\n"
        "    loss.backward()\n"
        "    optimizer.step()\n"
    )
    code, found = replay(str(script(text)))
    assert code == 0
    assert found["step"] == 3
    assert found["exception"]["type"] == "IndexError"
    assert (found["exception"]["file"], found["exception"]["line"]) == ("train.py", marked(text))


def test_the_script_ends_with_the_step_and_overwrites_nothing(script, tmp_path):
    text = (
        EXP_OVERFLOW
        + 'torch.save(model.state_dict(), "last.pt")\nwith open("ran.txt", "a") as file:\n    file.write("x")\n'
    )
    text = text.replace("model = nn.Linear(6, 1)\n", 'model = nn.Linear(6, 1)\ntorch.save(1, "first.pt")\n')
    path = script(text)
    saved = (tmp_path / "first.pt").stat().st_mtime_ns
    assert replay(str(path))[0] == 0
    assert (tmp_path / "ran.txt").read_text() == "x"
    assert (tmp_path / "first.pt").stat().st_mtime_ns == saved


def test_a_script_that_catches_every_exception_is_left_all_the_same(script):
    text = LARGE_WEIGHTS.replace(
        "    loss.backward()", "    try:\n        loss.backward()\n    except Exception:\n        pass"
    )
    assert replay(str(script(text)))[0] == 0


def test_the_newest_run_is_taken_and_its_output_is_plain(script, capsys):
    path = script(NAN_IN_DATA)
    with pytest.raises(SystemExit) as left:
        cli.main(["replay", "--store", str(path.parent)])
    told = capsys.readouterr()
    assert left.value.code == 0
    assert "Step 2 reproduced: the loss is nan." in told.out
    assert 'loss = ((net(batch["features"])' in told.out
    assert "19 of the batch of 32 (counted from 0); without them the same step is finite" in " ".join(told.out.split())
    assert "netvet: running" in told.err


def test_a_report_says_that_a_step_is_stored(script, capsys):
    path = script(NAN_IN_DATA)
    with pytest.raises(SystemExit):
        cli.main(["diagnose", str(path)])
    assert f"Step 2 is stored: `netvet replay {path.name}` shows what broke in it." in capsys.readouterr().out


def test_a_script_that_has_moved_is_found_by_its_option(script, tmp_path, capsys):
    path = script(ROOT_OF_ZERO)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "train.py").rename(tmp_path / "elsewhere" / "other.py")
    assert replay(str(path))[0] == 2
    assert "--script says where it lies now" in capsys.readouterr().err
    code, found = replay(str(path), "--script", "elsewhere/other.py")
    assert code == 0
    assert not found["script"]["changed"]


def test_one_file_is_enough_to_repeat_a_step(script, tmp_path):
    path = script(HALF_OVERFLOW)
    file = next((path / "black_box").glob("*.safetensors"))
    file.rename(tmp_path / "sent.safetensors")
    assert replay("sent.safetensors")[0] == 0


def test_a_model_that_has_another_shape_is_one_error_that_names_the_tensor(script, tmp_path, capsys):
    path = script(ROOT_OF_ZERO)
    (tmp_path / "train.py").write_text(ROOT_OF_ZERO.replace("nn.Linear(5, 16", "nn.Linear(5, 17"))
    assert replay(str(path))[0] == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert "weight of Linear has the shape [17, 5], in the stored step [16, 5]" in told


def test_a_model_that_has_lost_a_parameter_is_one_error_that_names_it(script, tmp_path, capsys):
    path = script(HALF_OVERFLOW)
    (tmp_path / "train.py").write_text(HALF_OVERFLOW.replace("nn.Linear(32, 4)", "nn.Linear(32, 4, bias=False)"))
    assert replay(str(path))[0] == 2
    assert "Net has no head.bias any more" in capsys.readouterr().err


def test_a_fixed_script_does_not_reproduce_and_says_so(script, tmp_path, capsys):
    path = script(ROOT_OF_ZERO)
    (tmp_path / "train.py").write_text(ROOT_OF_ZERO.replace("(h * h).sum(1))", "(h * h).sum(1) + 1e-12)"))
    code, found = replay(str(path))
    assert code == 1
    assert found["origin"] is None
    assert "the script has changed since the run" in found["notes"]
    assert "NOT reproduced" in capsys.readouterr().out


def test_a_run_without_a_stored_step_says_why(script, capsys):
    path = script(LARGE_WEIGHTS.replace("lr=1e4", "lr=1e-4"))
    assert replay(str(path))[0] == 2
    assert "no loss, gradient or exception called for it" in capsys.readouterr().err


def test_a_run_without_modules_says_that_it_cannot_be_repeated(script, capsys):
    text = HEAD + (
        "w = torch.zeros(3, requires_grad=True)\n"
        "optimizer = torch.optim.SGD([w], 0.1)\n"
        "for step in range(3):\n"
        "    optimizer.zero_grad()\n"
        "    w.sum().log().backward()\n"
        "    optimizer.step()\n"
    )
    assert replay(str(script(text)))[0] == 2
    assert "no module was called in training" in capsys.readouterr().err


def test_a_script_that_never_comes_to_the_step_is_one_error(script, tmp_path, capsys):
    path = script(ROOT_OF_ZERO)
    (tmp_path / "train.py").write_text("print('nothing any more')\n")
    assert replay(str(path))[0] == 2
    assert "did not come to a training call of Linear" in capsys.readouterr().err


def test_a_script_that_fails_before_the_step_is_one_error(script, tmp_path, capsys):
    path = script(ROOT_OF_ZERO)
    (tmp_path / "train.py").write_text("raise SystemError('no data')\n")
    assert replay(str(path))[0] == 2
    assert "ended before the step could be repeated: SystemError: no data" in capsys.readouterr().err


def test_arguments_of_the_script_are_given_again(script):
    text = "import sys\nlr = float(sys.argv[1])\n" + LARGE_WEIGHTS.replace("lr=1e4", "lr=lr")
    assert replay(str(script(text, "1e4")))[0] == 0


def test_training_is_bitwise_the_same_with_the_black_box(script, monkeypatch, tmp_path):
    text = LOG_OF_ZERO.replace("X[77] *= 1e5", "") + "torch.save(model.state_dict(), sys.argv[1])\n"
    script("import sys\n" + text, "with.pt")
    for event in ("call_begin", "loss", "backward_begin", "step_begin"):
        monkeypatch.setattr(BlackBox, f"on_{event}", lambda *_: None)
    path = script("import sys\n" + text, "without.pt")
    one, two = (torch.load(tmp_path / f, weights_only=True) for f in ("with.pt", "without.pt"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert Run.open(path).get("black_box") is None


@pytest.mark.parametrize(
    ("text", "rows"),
    [(ROOT_OF_ZERO, None), (NAN_IN_DATA, [19]), (MASKED_ROW, [9]), (ZERO_TIMES_INFINITY, [4]), (STEP_IN_METHOD, [7])],
)
def test_a_step_that_collectors_slept_through_is_repeated_from_its_end(script, monkeypatch, text, rows):
    def look(box, event):
        gradients = [p.grad for group in event.optimizer.param_groups for p in group["params"]]
        if not all(torch.isfinite(g).all() for g in gradients):
            box.save("gradient", "a gradient is not finite")

    for name in ("call_begin", "loss", "backward_begin"):
        monkeypatch.setattr(BlackBox, f"on_{name}", lambda *_: None)
    monkeypatch.setattr(BlackBox, "on_step_begin", look)
    path = script(text)
    code, found = replay(str(path))
    assert code == 0
    assert (found["origin"]["file"], found["origin"]["line"]) == ("train.py", marked(text))
    assert found["samples"]["confirmed"]
    assert len(found["samples"]["rows"]) == 1
    assert rows is None or found["samples"]["rows"] == rows
    assert any("stored at its end" in note for note in found["notes"])
