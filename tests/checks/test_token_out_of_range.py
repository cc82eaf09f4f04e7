"""Ids."""

from netvet.checks.token_out_of_range import token_out_of_range
from netvet.core import Facts

SICK = {"exception": "IndexError: index out of range in self"}


def test_fires_on_the_fault():
    (finding,) = token_out_of_range(Facts.of(SICK))
    assert "no row" in finding.message


def test_is_quiet_for_other_errors():
    assert token_out_of_range(Facts.of({**SICK, "exception": "IndexError: list index out of range"})) == []


def test_is_quiet_for_a_good_run():
    assert token_out_of_range(Facts.of({**SICK, "exception": None})) == []


def test_is_quiet_without_fields():
    assert token_out_of_range(Facts.of({})) == []


FILE = {
    "split": "val", "tokens": 1024, "low": 0, "high": 65, "distinct": 60, "vocabulary": 65, "windows": 4, "outside": 2,
    "examples": ["0", "3"],
}  # fmt: skip


def test_fires_on_tokens_of_a_file_that_the_vocabulary_lacks():
    (finding,) = token_out_of_range(data_tokens=Facts.of(FILE))
    assert "2 of 4 windows of val" in finding.message
    assert finding.where == "val"
    assert (finding.value, finding.limit) == (65, 64)
    assert finding.evidence == {"windows": ["0", "3"]}


def test_says_so_where_tokens_count_from_one():
    (finding,) = token_out_of_range(data_tokens=Facts.of({**FILE, "low": 1}))
    assert "count from 1" in finding.message


def test_is_quiet_at_the_last_token_of_the_vocabulary_and_without_one():
    for known in ({"high": 64}, {"vocabulary": None}, {"vocabulary": 70}):
        assert token_out_of_range(data_tokens=Facts.of({**FILE, **known})) == []
