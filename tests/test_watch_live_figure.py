"""`netvet.watch` in a notebook draws while the cell trains, and leaves the page of the run in its place."""

import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

import netvet
from netvet.core import NetvetError


@pytest.fixture
def published(monkeypatch, tmp_path):
    """What a kernel is told to show."""
    monkeypatch.chdir(tmp_path)
    found = []
    shell = SimpleNamespace(kernel=object(), display_pub=SimpleNamespace(publish=lambda **one: found.append(one)))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    return found


def train(**options):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with netvet.watch(model, optimizer, probes=False, **options) as run:
        for _ in range(12):
            x = torch.randn(16, 4)
            loss = nn.functional.cross_entropy(model(x), x[:, :3].argmax(1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return run, [p.detach().clone() for p in model.parameters()]


def test_page_stays_in_place_of_the_figure_and_nothing_is_printed(published, capsys):
    train()
    assert published[0]["update"] is False
    assert "step 0" in published[0]["data"]["text/plain"]
    assert published[-1]["update"] is True
    assert "<iframe srcdoc=" in published[-1]["data"]["text/html"]
    assert "double softmax" in published[-1]["data"]["text/plain"]
    assert capsys.readouterr().out == ""


def test_quiet_leaves_the_curve(published, capsys):
    train(quiet=True)
    assert "<svg" in published[-1]["data"]["text/html"]
    assert capsys.readouterr().out == ""


def test_nothing_is_shown_where_that_is_not_wanted(published, capsys):
    train(show=False)
    assert published == []
    assert "double softmax" in capsys.readouterr().out


def test_training_is_the_same_with_a_figure(published):
    _, drawn = train(quiet=True)
    _, plain = train(quiet=True, show=False)
    assert all(torch.equal(a, b) for a, b in zip(drawn, plain, strict=True))


def test_asking_for_a_figure_outside_a_notebook_is_an_error(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    with pytest.raises(NetvetError, match="expected a notebook"):
        train(show=True)


def test_kernel_that_is_gone_harms_no_training(published, monkeypatch, capsys):
    def gone(**_):
        raise OSError("gone")

    monkeypatch.setattr(sys.modules["IPython"].get_ipython().display_pub, "publish", gone)
    run, _ = train()
    assert run.steps == 12
    assert "no report: OSError: gone" in capsys.readouterr().err
