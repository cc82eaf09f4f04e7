"""A figure that the program prints: found in what it wrote, and judged by."""

import math
from dataclasses import replace

import pytest
from click.testing import CliRunner

from netvet.cli.fix import fix
from netvet.core import NetvetError
from netvet.fixes.conduct import Options, conduct
from netvet.fixes.measured import ERROR, SCORE, Measured, Score
from netvet.fixes.printed import Printed
from netvet.fixes.rerun import Rerun, rerun_apart
from netvet.fixes.study import Study
from tests.fixes.test_study import change

# A bandit that prints its mean reward: nothing in it is scored on samples.
BANDIT = """
import numpy as np
import torch

rng = np.random.default_rng(0)
scores = torch.zeros(4, requires_grad=True)
optimizer = torch.optim.SGD([scores], lr=1e-6)
recent = []
for step in range(300):
    policy = torch.distributions.Categorical(logits=scores)
    action = policy.sample()
    reward = float(action == 2) + 0.1 * rng.normal()
    loss = -policy.log_prob(action) * reward
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    recent = (recent + [reward])[-100:]
    if step % 100 == 99:
        print(f"step {step} Mean reward: {np.mean(recent):.4f}")
"""


@pytest.mark.parametrize(
    ("text", "output", "values"),
    [
        ("accuracy", "epoch 1: loss 0.3, accuracy 0.91\nepoch 2: loss 0.2, Accuracy = 0.93\n", [0.91, 0.93]),
        ("val_acc", "val_acc=93.1% (best 94)", [93.1]),
        ("reward", "reward of the last ten: -12.5\nreward 1e-3", [-12.5, 0.001]),
        ("loss", "loss: nan", [math.nan]),
        ("loss", "loss - .5", [0.5]),
        ("loss", "the loss\n3 epochs", []),
        ("acc.", "acc 3", []),
    ],
)
def test_numbers_after_a_text(text, output, values):
    assert Printed(text).values(output) == pytest.approx(values, nan_ok=True)


def test_run_is_judged_by_the_last_number():
    found = Printed("rmse", lower=True).judged(Measured(metric="loss", value=3.0), "rmse 5\nrmse 2\nrmse 4")
    assert (found.metric, found.value, found.best, found.higher_is_better) == (ERROR, 4.0, 2.0, False)
    assert found.scores[ERROR].curve == [[0.0, 5.0], [1.0, 2.0], [2.0, 4.0]]


def test_run_that_prints_no_such_number_is_judged_as_ever():
    found = Measured(metric="loss", value=3.0)
    assert Printed("rmse").judged(found, "loss 3") is found


@pytest.mark.parametrize(
    ("metric", "before", "after"), [(SCORE, -90.0, -20.0), (ERROR, 8.0, 2.0), (ERROR, math.nan, 2.0)]
)
def test_better_figure_helps(metric, before, after):
    def run(value, seed):
        shift = value * 0.01 * seed
        curve = [[0.0, 10.0], [1.0, value + shift]]
        return Measured(metric=metric, value=value + shift, scores={metric: Score(value + shift, value, curve)})

    def measure(wanted):
        return ((asked, run(after if asked.candidate else before, asked.seed)) for asked in wanted)

    made = Study([[change("good")]], measure)
    made.run()
    assert made.arms[0].verdict == "helped"
    assert made.arms[0].metric == metric


def test_program_without_a_score_is_not_assessed_and_costs_one_trial_of_each():
    asked_for = []

    def measure(wanted):
        asked_for.extend(wanted)
        return ((asked, Measured(unmeasured="it plays a game")) for asked in wanted)

    made = Study([[change("one"), change("stronger")], [change("two")]], measure)
    made.run()
    assert [(arm.verdict, arm.reason) for arm in made.arms] == [("not assessed", "it plays a game")] * 2
    assert len(asked_for) == 3


def test_trial_of_a_policy_is_judged_by_what_it_prints(tmp_path):
    (tmp_path / "bandit.py").write_text(BANDIT)
    program = Rerun("bandit.py", folder=str(tmp_path), printed=Printed("mean reward"))
    slow = rerun_apart(program)
    assert slow.metric == SCORE
    assert len(slow.curve) == 3
    faster = {str(tmp_path / "bandit.py"): BANDIT.replace("1e-6", "0.5")}
    assert rerun_apart(replace(program, sources=faster)).value > slow.value + 0.3


def test_text_that_is_never_printed_is_one_clear_error(tmp_path):
    (tmp_path / "bandit.py").write_text(BANDIT)
    program = Rerun("bandit.py", folder=str(tmp_path), printed=Printed("return"))
    with pytest.raises(NetvetError, match=r"printed no number after 'return'; expected a line such as 'return 0.93'"):
        conduct(program, Options(checks=(), settings=None, store=tmp_path / "runs"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--score", "a", "--error", "b"], "--score and --error both say what to judge by"),
        (["--metric", "loss", "--score", "a"], "--metric and --score both say what to judge by"),
        (["--score", " "], "--score needs the text that stands before the number"),
    ],
)
def test_mistakes_in_the_options(tmp_path, given, told):
    (tmp_path / "bandit.py").write_text(BANDIT)
    done = CliRunner().invoke(fix, [*given, str(tmp_path / "bandit.py")])
    assert done.exit_code == 2
    assert told in done.output
