"""What a person would change in a program fits the program."""

from pathlib import Path

import pytest

from benchmarks.repair import FOLDERS, mended

PROGRAMS = [p for folder in FOLDERS for p in sorted(Path(folder).glob("*.py"))]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda p: p.stem)
def test_a_mended_program_is_another_program(path):
    text = path.read_text(encoding="utf-8")
    after = mended(text)
    if after is None:
        assert path.parent.name == "sick"
        return
    before = [line for line in text.splitlines() if not line.startswith("# mend: ")]
    assert [line for line in after.splitlines() if line] != [line for line in before if line]
    compile(after, str(path), "exec")


def test_a_text_that_stands_there_twice_is_refused():
    with pytest.raises(ValueError, match="2 times"):
        mended("# mend: a -> b\na = a\n")


def test_several_mends_with_line_breaks():
    header = "# mend: x = 1 -> x = 2\\ny = 3\n# mend: z = 1 -> z = 2\n"
    assert (mended(header + "x = 1\nz = 1\n") or "").strip() == "x = 2\ny = 3\nz = 2"


def test_a_program_without_a_header_has_no_mend():
    assert mended("x = 1\n") is None
