"""Samples beyond the tail."""

from netvet.checks.outlier_samples import outlier_samples
from netvet.core import Facts

SICK = {
    "split": "train", "axis": "height", "side": "high", "samples": 2, "total": 800, "share": 0.0025, "limit": 9e3,
    "median": 1.7, "spreads": 9e4,
}  # fmt: skip


def test_fires_on_gross_errors():
    (finding,) = outlier_samples(Facts.of(SICK))
    assert finding.severity == "warning"
    assert "2 of 800" in finding.message


def test_moderate_ones_are_a_note():
    assert [f.severity for f in outlier_samples(Facts.of({**SICK, "spreads": 12.0}))] == ["note"]


def test_low_ones_are_said_to_be_low():
    (finding,) = outlier_samples(Facts.of({**SICK, "side": "low", "limit": -5.0}))
    assert "up to -5" in finding.message


def test_distance_to_neighbours_is_told_in_multiples_of_the_usual():
    (finding,) = outlier_samples(Facts.of({**SICK, "axis": "features", "limit": 8.0, "median": 2.0}))
    assert "4.0 times as far" in finding.message


def test_is_quiet_without_any():
    assert outlier_samples(Facts.of()) == []
    assert outlier_samples(Facts.of({})) == []


POSSIBLE = {
    "split": "train", "axis": "any", "side": "high", "sure": False, "samples": 7, "total": 800, "share": 0.00875,
    "examples": [{"sample": "41", "value": 0.01}],
}  # fmt: skip


def test_possible_ones_alone_are_a_note_that_says_how_to_list_them():
    (finding,) = outlier_samples(Facts.of(POSSIBLE))
    assert finding.severity == "note"
    assert finding.message == '7 of 800 samples of train (0.9%) may be outliers: `--find "possible outlier"` lists them'


def test_possible_ones_beside_others_are_a_clause():
    first, second = outlier_samples(Facts.of(SICK, {**SICK, "axis": "weight"}, POSSIBLE))
    assert first.message.endswith("; 7 more may be outliers")
    assert "may be" not in second.message


def test_possible_ones_of_another_split_are_told_by_themselves():
    found = outlier_samples(Facts.of(SICK, {**POSSIBLE, "split": "test"}))
    assert [f.severity for f in found] == ["warning", "note"]


def test_what_is_set_apart_as_a_whole_is_a_note():
    for axis, words in (("many features", "in many features"), ("structure", "go together"), ("light", "contrast")):
        (finding,) = outlier_samples(Facts.of({**SICK, "axis": axis}))
        assert finding.severity == "note"
        assert words in finding.message
