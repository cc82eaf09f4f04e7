"""Which fixes a diagnosis speaks for, in which order."""

import pytest

from netvet.checks import load as load_check
from netvet.core import Finding, Location, NetvetError
from netvet.diagnose import Diagnosis, Reported, Verdict
from netvet.fixes.choose import choose
from netvet.fixes.program import Program
from netvet.fixes.source import Sources
from tests.fixes.code import FILE, Code

LOOP = """
    import torch
    from torch import nn, optim
    net = nn.Linear(4, 2)
    optimizer = optim.SGD(net.parameters(), lr=5.0)  # made
    for x, y in []:
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    """


def reported(name, line):
    return Reported(load_check(name), Finding("it is wrong", location=Location(FILE, line)), "error")


def verdict(name, line, **given):
    found = reported(name, line)
    fields = {"undetermined": False, "candidates": (), "experiments": (), "folded": ()} | given
    return Verdict(name, 0.9, "it is wrong", None, findings=(found,), **fields)


@pytest.fixture
def program(tmp_path):
    code = Code(tmp_path, LOOP)
    made = code.at("# made") | code.at("optimizer.step()", "step_") | {"cls": "SGD"}
    facts = {"optimizers": [made]}
    return Program(Sources(tmp_path), facts.get), code.line("# made")


def diagnosis(*verdicts):
    return Diagnosis(verdicts, tuple(f for v in verdicts for f in v.findings), ())


def test_fixes_of_the_cause_come_in_variants(program):
    given, line = program
    found = choose(diagnosis(verdict("lr-too-high", line)), given)
    first = found.fixes[0]
    assert first[0].fix.name == "lower-lr"
    assert [one.what for one in first] == [f"learning rate times {f:g}" for f in (0.1, 0.01, 0.001)]
    assert {one.check for one in first} == {"lr-too-high"}
    assert "lr=0.5" in next(iter(first[0].patch.texts.values()))


def test_healthy_program_gets_none(program):
    assert choose(diagnosis(), program[0]).fixes == ()


def test_what_cannot_be_made_is_told_with_its_reason(program):
    given, line = program
    found = choose(diagnosis(verdict("double-softmax", line)), given)
    assert "remove-softmax" in {one.fix for one in found.refused}
    assert all(one.reason for one in found.refused)


def test_fixes_by_name_need_no_finding(program):
    found = choose(diagnosis(), program[0], ["adam", "clip-gradients"])
    assert [variants[0].fix.name for variants in found.fixes] == ["adam", "clip-gradients"]
    assert found.fixes[0][0].check == ""


def test_unknown_name_is_an_error(program):
    with pytest.raises(NetvetError, match="no fix 'wish'"):
        choose(diagnosis(), program[0], ["wish"])


def test_candidates_of_an_open_cause_are_tried(program):
    given, line = program
    open_one = verdict("loss-flat", line, undetermined=True, candidates=("lr-too-high", "missing-zero-grad"))
    names = [variants[0].fix.name for variants in choose(diagnosis(open_one), given).fixes]
    assert "zero-grad" in names
    assert len(set(names)) == len(names)
