"""The gallery in the documentation."""

import re

import pytest

from tools import make_gallery
from tools.make_gallery import PAGE, programs

# Bytes of a picture, and of all.
ONE, ALL = 200_000, 4_000_000


def pictures(page):
    return [page.parent / name for name in re.findall(r"!\[[^\]]+\]\(([^)]+\.png)\)", page.read_text())]


def test_every_check_with_a_sick_program_is_in_the_gallery():
    named = re.findall(r"^### \[([a-z0-9-]+)\]\(checks/", PAGE.read_text(), re.MULTILINE)
    assert sorted(named) == sorted(programs())
    assert len(pictures(PAGE)) == len(named)


@pytest.mark.parametrize("page", ["docs/gallery.md", "docs/page.md", "README.md"])
def test_pictures_exist_and_are_small(page):
    found = pictures(make_gallery.ROOT / page)
    assert found
    assert [str(one) for one in found if not one.is_file() or one.stat().st_size >= ONE] == []
    assert sum(one.stat().st_size for one in found) < ALL


def test_text_of_a_run_is_no_markup():
    assert make_gallery.escaped("a_b [c](d) <img> | `e`") == r"a\_b \[c\](d) \<img\> \| \`e\`"
