"""Samples that cannot be read."""

from netvet.checks.corrupt_samples import corrupt_samples
from netvet.core import Facts

CUT = {"split": "train", "what": "truncated", "count": 3, "samples": 997, "examples": ["a.png", "b.png", "c.png"]}
BLANK = {"split": "train", "what": "blank", "count": 40, "samples": 1000, "examples": ["a.png"]}


def severities(*records):
    return [f.severity for f in corrupt_samples(Facts.of(*records))]


def test_fires_on_the_fault():
    (finding,) = corrupt_samples(Facts.of(CUT))
    assert finding.message == "3 of 1,000 samples of train cannot be read: 3 truncated (a.png, b.png and 1 more)"
    assert (finding.severity, finding.value) == ("error", 0.003)


def test_says_all_kinds_of_a_split_at_once():
    empty = {**CUT, "what": "empty", "count": 1, "examples": ["z.png"]}
    (finding,) = corrupt_samples(Facts.of(empty, CUT))
    assert "4 of 1,001 samples of train cannot be read: 3 truncated (" in finding.message
    assert finding.message.endswith("1 empty (z.png)")
    assert finding.evidence == {"empty": ["z.png"], "truncated": CUT["examples"]}


def test_speaks_of_each_split():
    assert len(corrupt_samples(Facts.of(CUT, {**CUT, "split": "val"}))) == 2


def test_blank_samples_are_a_warning_and_a_handful_a_note():
    assert severities(BLANK) == ["warning"]
    assert severities({**BLANK, "count": 4}) == ["note"]
    assert severities({**BLANK, "count": 4, "samples": 100}) == ["warning"]


def test_what_a_loader_passes_over_is_a_note():
    assert severities({**CUT, "what": "foreign file"}, {**CUT, "what": "odd name"}) == ["note", "note"]
    assert severities({**CUT, "what": "outside link"}) == ["warning"]


def test_is_quiet_without_problems():
    assert corrupt_samples(Facts()) == []
    assert corrupt_samples(Facts.of({**CUT, "count": 0}, {})) == []
