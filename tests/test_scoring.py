"""A score is right for the right reason."""

import pytest

from benchmarks.scoring import Header, Score, by_check, read_header, rows, score, totals

SICK = """# expect: double-softmax
# accept: lr-too-low, underfitting
# note: softmax twice
import torch

loss = f(x)  # fault
other = g(x)
"""


def report(*findings, diagnosis=()):
    return {"findings": list(findings), "diagnosis": [{"check": name} for name in diagnosis]}


def finding(check, severity="error", line=None, file="/somewhere/program.py", allowed=None):
    location = {"file": file, "line": line} if line else None
    return {"check": check, "severity": severity, "location": location, "allowed": allowed}


def test_reads_the_header_of_a_sick_program():
    assert read_header(SICK) == Header("double-softmax", ("lr-too-low", "underfitting"), False, frozenset({6}))


def test_reads_the_header_of_a_healthy_program():
    header = read_header("# healthy: a flat script\nimport torch\n")
    assert header.healthy
    assert header.expected == ()


def test_reads_a_note_without_a_location():
    assert read_header("# expect-note: unseeded-run\n# location: none\nimport torch\n") == Header(
        "unseeded-run", is_note=True
    )


@pytest.mark.parametrize(
    "source",
    [
        "import torch\n",
        "# healthy: x\n# expect: y\nloss = 1  # fault\n",
        "# expect: y\nloss = 1\n",
        "# expect: y\n# location: none\nloss = 1  # fault\n",
    ],
)
def test_refuses_a_header_that_promises_nothing_or_contradicts_itself(source):
    with pytest.raises(ValueError, match="header needs"):
        read_header(source)


@pytest.mark.parametrize(("first", "right"), [("double-softmax", True), ("underfitting", True), ("dead-relu", False)])
def test_the_first_diagnosis_counts(first, right):
    given = report(finding(first, line=6), finding("double-softmax", line=6), diagnosis=[first, "double-softmax"])
    assert score("program.py", 0, read_header(SICK), given).right is right


def test_the_place_is_that_of_the_first_diagnosis():
    header = read_header(SICK)
    right = report(finding("dead-relu", line=7), finding("double-softmax", line=6), diagnosis=["double-softmax"])
    wrong_line = report(finding("double-softmax", line=7), diagnosis=["double-softmax"])
    wrong_file = report(finding("double-softmax", line=6, file="/x/other.py"), diagnosis=["double-softmax"])
    nowhere = report(finding("double-softmax"), diagnosis=["double-softmax"])
    found = [score("program.py", 0, header, r).located for r in (right, wrong_line, wrong_file, nowhere)]
    assert found == [True, False, False, False]


def test_no_place_is_asked_where_no_line_is_to_blame():
    given = report(finding("lr-too-high"), diagnosis=["lr-too-high"])
    assert score("program.py", 0, Header("lr-too-high"), given).located is None


def test_a_note_is_right_only_without_alarms():
    header = Header("unseeded-run", is_note=True)
    note = finding("unseeded-run", "note")
    assert score("p.py", 0, header, report(note)).right
    alarmed = score("p.py", 0, header, report(note, finding("dead-relu", "warning"), diagnosis=["dead-relu"]))
    assert not alarmed.right
    assert alarmed.answer == "dead-relu"
    assert score("p.py", 0, header, report()).answer == "(nothing)"


def test_a_healthy_program_may_have_notes_and_acknowledged_findings_but_no_alarm():
    header = Header("")
    assert score("p.py", 0, header, report(finding("unseeded-run", "note"))).right
    assert score("p.py", 0, header, report(finding("dead-relu", "warning", allowed="known"))).right
    alarmed = score("p.py", 0, header, report(finding("dead-relu", "warning")))
    assert (alarmed.right, alarmed.alarms) == (False, ("dead-relu",))


def test_a_missing_report_is_wrong():
    missing = score("p.py", 0, read_header(SICK), None)
    assert (missing.right, missing.located, missing.answer) == (False, False, "(no report)")
    assert not score("p.py", 0, Header(""), None).right


def test_rows_count_and_name_the_top_wrong_answer():
    scores = [
        Score("a.py", 0, "double-softmax", "double-softmax", True, True),
        Score("a.py", 1, "double-softmax", "lr-too-low", False, False),
        Score("a.py", 2, "double-softmax", "lr-too-low", False, None),
        Score("fine.py", 0, "", "(nothing)", True, None),
    ]
    double, fine = rows(scores)
    assert (double.name, double.runs, double.right, double.located, double.locatable) == ("double-softmax", 3, 1, 1, 2)
    assert double.wrong == "lr-too-low"
    assert (fine.name, fine.right, fine.wrong) == ("fine", 1, "")


def test_totals_are_shares_of_what_was_asked():
    scores = [
        Score("a.py", 0, "x", "x", True, True),
        Score("b.py", 0, "y", "(no report)", False, None),
        Score("fine.py", 0, "", "(nothing)", True, None),
        Score("fine.py", 1, "", "dead-relu", False, None, ("dead-relu",)),
    ]
    summed = totals(scores)
    assert summed["right"] == 0.5
    assert summed["located"] == 1.0
    assert summed["false_alarms"] == 0.5
    assert summed["no_report"] == 1


def test_totals_of_nothing_are_zero():
    assert set(totals([]).values()) == {0}


def test_figures_of_a_check_count_its_own_programs_and_its_false_alarms():
    run = {"expect": "double-softmax", "alarms": ["double-softmax"], "right": True, "located": True}
    found = [{"check": "double-softmax"}]
    runs = [
        {**run, "findings": found},
        {**run, "right": False, "located": False, "findings": [*found, {"check": "lr-too-low"}]},
        {**run, "right": False, "located": None, "alarms": []},  # no report
        {"expect": "", "alarms": ["dead-relu"], "right": False, "located": None, "findings": [{"check": "dead-relu"}]},
        {"expect": "", "alarms": [], "right": True, "located": None, "findings": []},
    ]
    figures = by_check(runs)
    assert figures == {
        "dead-relu": {"runs": 0, "found": 0, "first": 0, "locatable": 0, "located": 0, "false_alarms": 1},
        "double-softmax": {"runs": 3, "found": 2, "first": 1, "locatable": 2, "located": 1, "false_alarms": 0},
    }
