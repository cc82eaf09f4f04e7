"""`netvet.recipe(...)`: what it gives, and that nothing of the user's is changed."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import netvet
from netvet.core import NetvetError
from tests.experiments.small_problems import blobs, net, random_state, same, sgd, state_of


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def recipe(model=net, **changed):
    given = {"loss": cross_entropy, "train": blobs(), "val": blobs(48, 1), "only": "overfit-batch", "budget": "1m"}
    return netvet.recipe(model, **{**given, **changed})


def test_gives_stages_outcomes_and_a_verdict():
    found = recipe(optimizer=sgd)
    assert [s["stage"] for s in found.stages] == ["data", "skeleton", "overfit", "regularise", "tune", "squeeze"]
    assert [(o["experiment"], o["verdict"]) for o in found.outcomes] == [("overfit-batch", "passed")]
    assert found.ok
    assert found.stages[0]["gate"] == "not assessed"  # nothing was watched
    assert found.path.exists()


def test_a_failed_gate_is_not_ok():
    found = recipe(loss=lambda output, target: 0 * output.sum() + 1)
    assert not found.ok
    assert "Next: " in str(found)


def test_the_text_is_the_checklist_and_the_html_is_escaped():
    found = recipe(val=None)
    assert repr(found) == str(found)
    assert "3 Overfit                     passed" in str(found)
    assert found._repr_mimebundle_()["text/html"].startswith("<iframe srcdoc=")
    assert "<script>" not in found._repr_mimebundle_()["text/html"]
    assert "\x1b" not in str(found)


def test_user_content_cannot_leave_the_block():
    class Hostile(nn.Linear):
        def forward(self, x):
            if self.training and len(x) != 16:
                raise ValueError("</pre><script>alert(1)</script>")
            return super().forward(x)

    found = recipe(lambda: Hostile(2, 3), batch_size=16)
    assert "script" in str(found)
    assert "<script>" not in found._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_leaves_everything_as_it_was(jobs):
    torch.manual_seed(3), np.random.seed(3), random.seed(3)
    model = net(0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    cross_entropy(model(blobs()[0]), blobs()[1]).backward()
    optimizer.step()
    model[2].eval()
    generator = torch.Generator().manual_seed(5)
    loader = DataLoader(TensorDataset(*blobs()), 16, shuffle=True, generator=generator)
    before = (state_of(model), str(optimizer.state_dict()), generator.get_state(), random_state())
    with torch.no_grad():
        found = recipe(model, train=loader, val=loader, optimizer=optimizer, jobs=jobs)
        assert not torch.is_grad_enabled()
    assert found.outcomes[0]["verdict"] == "passed"
    assert same(before, (state_of(model), str(optimizer.state_dict()), generator.get_state(), random_state()))
    assert {n: p.requires_grad for n, p in model.named_parameters()} == {n: True for n, _ in model.named_parameters()}


@pytest.mark.parametrize(
    ("match", "changed"),
    [
        ("recipe\\(budget='soon'\\)", {"budget": "soon"}),
        ("recipe\\(budget=-1\\)", {"budget": -1}),
        ("recipe\\(budget=True\\)", {"budget": True}),
        ("recipe\\(seeds=1\\)", {"seeds": 1}),
        ("recipe\\(jobs=0.5\\)", {"jobs": 0.5}),
        ("recipe\\(task='labels'\\)", {"task": "labels"}),
        ("expected ray", {"on": "moon"}),
        ("called 'overfit-bach'", {"only": ["overfit-bach"]}),
        ("either loss", {"loss": None}),
        ("is an iterator", {"train": iter([blobs()])}),
    ],
)
def test_bad_input_is_refused_in_one_line(match, changed):
    with pytest.raises(NetvetError, match=match) as caught:
        recipe(**changed)
    assert "\n" not in str(caught.value)
    assert str(caught.value)


def test_budgets_are_times_or_seconds():
    from netvet.recipe import seconds_of

    assert [seconds_of(t) for t in ("90s", "2m", "1h", 5, 0.5, "x", 0, "nan", "inf")] == [
        90.0, 120.0, 3600.0, 5.0, 0.5, None, None, None, None,
    ]  # fmt: skip
