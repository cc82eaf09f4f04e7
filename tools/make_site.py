"""Build the documentation as a site: `make site`, or `python -m tools.make_site` where the extra `docs` is installed.

The table of contents is that of docs/index.md: its headings are the sections, its lists the pages. A page that no list
names fails the build, so that a new page needs one line there and nothing else. The pages are put together first, with
those that lie beside docs/, in build/pages; what makes a site of them is told by mkdocs.yml, and can be replaced.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
BUILD = ROOT / "build"
# Files of the repository that are pages of the site too.
BESIDE = {"README.md": "start.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changes.md"}
# Below these pages lies a page for each thing that they list.
LISTS = ("checks/index.md", "experiments/index.md", "fixes/index.md")

_ITEM = re.compile(r"^- \[([^\]]+)\]\(([^)#]+\.md)\)", re.MULTILINE)
_ROW = re.compile(r"\| \[([\w-]+)\]\(([\w-]+\.md)\)")
_OUTWARD = re.compile(r"\]\(((?:\.\./)+)([A-Z]+\.md)(?=[)#])")
_INWARD = re.compile(r"\]\((docs/)?([\w./-]+)(?=[)#])")


def contents(index: str) -> list[Any]:
    """The navigation, of the text of docs/index.md: sections of pages, as mkdocs wants it."""
    sections: list[Any] = [{"Home": "index.md"}]
    for part in index.split("\n## ")[1:]:
        title, _, text = part.partition("\n")
        sections.append({title: [_with_its_own(name, _on_site(target)) for name, target in _ITEM.findall(text)]})
    return sections


def _on_site(target: str) -> str:
    """The page of the site that a target of docs/index.md leads to."""
    return BESIDE[target.removeprefix("../")] if target.startswith("../") else target


def _with_its_own(title: str, target: str) -> dict[str, Any]:
    """A page, or a section of it and of the pages that it lists, in its order and under its headings."""
    if target not in LISTS:
        return {title: target}
    head, *parts = (DOCS / target).read_text(encoding="utf-8").split("\n## ")
    folder = PurePosixPath(target).parent
    sections = [{part.partition("\n")[0]: list(_listed(part, folder))} for part in parts]
    return {title: [target, *_listed(head, folder), *sections]}


def _listed(text: str, folder: PurePosixPath) -> Iterator[dict[str, str]]:
    """The pages that stand in a table, at the beginning of a cell."""
    return ({name: f"{folder}/{file}"} for name, file in _ROW.findall(text))


def outward(text: str) -> str:
    """`../README.md` of a page of docs/ is `start.md` on the site."""

    def page(found: re.Match[str]) -> str:
        return f"]({found[1].removeprefix('../')}{BESIDE[found[2]]}" if found[2] in BESIDE else found[0]

    return _OUTWARD.sub(page, text)


def inward(text: str) -> str:
    """`docs/page.md` of a page beside docs/ is `page.md` on the site; what is no page there is named, not linked."""
    text = text.replace("[LICENSE](LICENSE)", "LICENSE")
    return _INWARD.sub(lambda found: f"]({found[2] if found[1] else BESIDE.get(found[2], found[2])}", text)


def pages() -> Mapping[str, str]:
    """The text of every page of the site, by its path."""
    made = {str(path.relative_to(DOCS)): outward(path.read_text(encoding="utf-8")) for path in DOCS.rglob("*.md")}
    for name, page in BESIDE.items():
        made[page] = inward((ROOT / name).read_text(encoding="utf-8"))
    made["start.md"] = made["start.md"].replace("# netvet\n", "# Start\n", 1)
    return made


def assemble(build: Path) -> Path:
    """Put the pages together, with their pictures.

    Returns:
        The configuration: mkdocs.yml with the navigation.
    """
    shutil.rmtree(build / "pages", ignore_errors=True)
    shutil.copytree(DOCS, build / "pages")
    for name, text in pages().items():
        (build / "pages" / name).write_text(text, encoding="utf-8")
    told = {
        "INHERIT": str(ROOT / "mkdocs.yml"),
        "docs_dir": "pages",
        "site_dir": "site",
        "nav": contents((DOCS / "index.md").read_text(encoding="utf-8")),
    }
    target = build / "mkdocs.yml"
    target.write_text(json.dumps(told, indent=1), encoding="utf-8")  # which is YAML too
    return target


def main(build: Path = BUILD) -> int:
    """Build the site; 1 when anything was warned of."""
    # The theme tells of its successor at every build. (`--quiet` would let warnings pass.)
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(assemble(build))]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
