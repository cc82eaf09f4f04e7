"""Images that are worse than the others."""

from netvet.checks.low_quality_images import low_quality_images
from netvet.core import Facts

DARK = {"split": "train", "issue": "dark", "count": 40, "samples": 1000, "apart": True, "examples": ["a.png"]}


def severities(**changed):
    return [f.severity for f in low_quality_images(Facts.of({**DARK, **changed}))]


def test_fires_on_the_fault():
    (finding,) = low_quality_images(Facts.of(DARK))
    assert finding.message == "40 of 1,000 images of train (4.0%) are dark: a.png and 39 more"
    assert finding.severity == "warning"


def test_a_few_are_a_note():
    assert severities(count=9) == ["note"]


def test_a_tail_is_a_note():
    assert severities(apart=False) == ["note"]


def test_is_quiet_where_the_data_are_like_that():
    assert severities(count=900, usual=True) == []


def test_photographs_without_colour_need_a_larger_share():
    assert severities(issue="greyscale") == ["note"]
    assert severities(issue="greyscale", count=60) == ["warning"]


def test_is_quiet_without_fields():
    assert low_quality_images(Facts.of({})) == []
    assert severities(issue="a new one") == []
