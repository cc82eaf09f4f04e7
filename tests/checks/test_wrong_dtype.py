"""Types."""

from netvet.checks.wrong_dtype import wrong_dtype
from netvet.core import Facts

SICK = {
    "exception": "RuntimeError: expected scalar type Long but found Float",
    "exception_file": "t.py",
    "exception_line": 9,
}


def test_fires_on_the_fault():
    (finding,) = wrong_dtype(Facts.of(SICK))
    assert "Long but found Float" in finding.message


def test_is_quiet_for_other_errors():
    assert wrong_dtype(Facts.of({**SICK, "exception": "ValueError: bad"})) == []


def test_is_quiet_for_devices():
    assert (
        wrong_dtype(
            Facts.of(
                {
                    **SICK,
                    "exception": "Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor)",
                }
            )
        )
        == []
    )


def test_is_quiet_for_a_good_run():
    assert wrong_dtype(Facts.of({**SICK, "exception": None})) == []


def test_is_quiet_without_fields():
    assert wrong_dtype(Facts.of({})) == []
