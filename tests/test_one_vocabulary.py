"""A fault has one name on every stack: that which the program of plain PyTorch with the same fault is known by.

That each program gets its name is for tests/test_corpus.py (plain PyTorch) and tests/extras (the frameworks).
"""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PROGRAMS = sorted(TESTS.glob("extras/*/sick/*.py"))


def names(path, fields="expect"):
    lines = re.findall(rf"(?m)^# (?:{fields}): *(.*)", path.read_text())
    return {name.strip() for line in lines for name in line.split(",")}


PLAIN = set().union(*(names(path, "expect|expect-note|accept") for path in TESTS.glob("sick/*.py")))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: f"{path.parents[1].name}-{path.stem}")
def test_fault_is_expected_by_the_name_it_has_in_plain_pytorch(path):
    assert names(path)
    assert names(path) <= PLAIN


@pytest.mark.parametrize("framework", sorted({path.parents[1].name for path in PROGRAMS}))
def test_framework_has_eight_programs_of_either_kind(framework):
    for kind in ("sick", "healthy"):
        assert len(list(TESTS.glob(f"extras/{framework}/{kind}/*.py"))) >= 8
