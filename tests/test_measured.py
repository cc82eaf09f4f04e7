"""What the pages say of how often a check is right."""

from pathlib import Path

from netvet.checks import load
from tools.measured import FIGURES, figures, measured_page, sentence

CHECKS = [load("double-softmax"), load("dead-relu")]
MEASURED = {
    "seeds": [0, 1, 2],
    "healthy_runs": 369,
    "checks": {
        "double-softmax": {"runs": 3, "found": 3, "first": 2, "locatable": 3, "located": 2, "false_alarms": 0},
        "dead-relu": {"runs": 0, "found": 0, "first": 0, "locatable": 0, "located": 0, "false_alarms": 1},
    },
}


def test_the_figures_are_those_that_were_measured():
    told = sentence("double-softmax", MEASURED)
    assert told.endswith(
        "on 3 runs of sick programs: found in 3, first in 2, right line in 2 of 3; "
        "false alarms in 0 of 369 runs of healthy programs."
    )
    page = measured_page(CHECKS, MEASURED)
    assert "| [double-softmax](checks/double-softmax.md) | 3 | 3 | 2 | 2 of 3 | 0 |" in page
    assert "| [dead-relu](checks/dead-relu.md) | not measured | | | | 1 |" in page


def test_what_was_not_measured_is_called_so(tmp_path):
    nothing = figures(tmp_path / "none.json")
    assert nothing is None
    assert "not measured" in sentence("double-softmax", nothing)
    assert "not measured" in sentence("dead-relu", MEASURED)
    assert "Not measured" in measured_page(CHECKS, nothing)


def test_kept_figures_are_of_a_whole_run():
    kept = figures(FIGURES)
    assert kept is not None
    sick = sum(one["runs"] for one in kept["checks"].values())
    for runs, kind in ((sick, "sick"), (kept["healthy_runs"], "healthy")):
        programs = len(list(Path(__file__).parent.glob(f"{kind}/*.py")))
        assert runs >= 0.9 * len(kept["seeds"]) * programs  # some are written after the last measurement
