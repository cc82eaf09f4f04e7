"""Write the generated pages of docs/ and check the links of every page.

A check's page is its docstring under a head made from its declaration; `docs/signals.md` is the catalogue of
signals. Nobody edits these by hand. Run it with `make docs`.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from netvet.capture.frameworks import NAMES as CALLED
from netvet.checks import NAMES, all_checks
from netvet.core import Check
from netvet.experiments import EXPERIMENTS
from netvet.experiments.experiment import Experiment
from netvet.fixes import NAMES as FIXES
from netvet.fixes import all_fixes, edits_of, frameworks_of
from netvet.fixes.fix import Intervention
from netvet.report import schemas
from netvet.signals import SIGNALS, Signal
from tools.measured import figures, measured_page, sentence
from tools.symptoms import asked_as, symptoms_page

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
OUTCOMES = ROOT / "tools" / "experiments.json"

STAGES = {
    "data": "Become one with the data",
    "skeleton": "A training and evaluation loop you can trust",
    "fit": "Training dynamics",
}
SHAPES = {
    "series": "Series: one number per step",
    "layers": "Layers: one series per layer, parameter, optimizer or call site",
    "facts": "Facts: records",
}

_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*?)\s*$", re.MULTILINE)


def pages() -> dict[Path, str]:
    """Every generated page: path below the repository -> text."""
    checks, measured = all_checks(), figures()
    made = {DOCS / "checks" / f"{one.name}.md": check_page(one, measured) for one in checks}
    made[DOCS / "measured.md"] = measured_page(checks, measured)
    made[DOCS / "checks" / "index.md"] = index_page(checks)
    made[DOCS / "signals.md"] = signals_page(tuple(SIGNALS.values()))
    made[DOCS / "symptoms.md"] = symptoms_page(checks)
    made |= {DOCS / "experiments" / f"{one.name}.md": experiment_page(one) for one in EXPERIMENTS}
    made[DOCS / "experiments" / "index.md"] = experiments_page(EXPERIMENTS)
    made |= {DOCS / "fixes" / f"{one.name}.md": fix_page(one) for one in all_fixes()}
    made[DOCS / "fixes" / "index.md"] = fixes_page(all_fixes())
    made |= {DOCS / "schema" / f"netvet.{name}-1.json": schemas.text_of(name) for name in schemas.NAMES}
    return made


def fix_page(one: Intervention) -> str:
    """The page of one fix."""
    summary, _, rest = inspect.cleandoc(one.doc).partition("\n")
    mended = ", ".join(f"[{name}](../checks/{name}.md)" for name in one.mends)
    head = [f"# {one.name}", "", summary, "", f"`netvet fix --try {one.name} train.py`", ""]
    head += [f"Made in programs of {_listed([CALLED[f] for f in frameworks_of(one)])}."]
    head += [f"Tried for {mended}." if mended else "Tried when it is asked for."]
    head += [f"It costs {one.cost}."] if one.cost != "nothing" else []
    if one.corrects_score:
        head += ["The score itself was wrong before, so that it may fall: what counts is that the finding is gone."]
    return "\n".join([*head, "", rest.strip(), "", *_dialects(one)])


def _dialects(one: Intervention) -> list[str]:
    """What a fix changes in programs of frameworks other than its own."""
    lines: list[str] = []
    for framework in frameworks_of(one):
        made = edits_of(one, framework)
        if framework != one.framework and made is not None:
            lines += [f"## In {CALLED[framework]}", "", inspect.cleandoc(made.__doc__ or ""), ""]
    return lines


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def fixes_page(fixes: Sequence[Intervention]) -> str:
    """The list of fixes, in the order in which they are tried."""
    lines = ["# Fixes", "", f"{len(fixes)} changes that [`netvet fix`](../fix.md) can make and prove.", ""]
    lines += ["| fix | what is changed | in programs of | for |", "|---|---|---|---|"]
    for one in fixes:
        where = ", ".join(CALLED[framework] for framework in frameworks_of(one))
        mended = ", ".join(f"[{name}](../checks/{name}.md)" for name in one.mends)
        lines.append(f"| [{one.name}]({one.name}.md) | {_cell(one.title)} | {where} | {mended} |")
    return "\n".join([*lines, ""])


def experiment_page(one: Experiment) -> str:
    """The page of one experiment, with what it said of real programs."""
    summary, _, rest = inspect.cleandoc(one.doc).partition("\n")
    part = "a gate" if one.gate else "advice"
    head = [f"# {one.name}", "", summary, "", f"Stage {one.stage} of the [recipe](index.md); {part}.", ""]
    told = ["## What it says", "", f"`netvet recipe --only {one.name} PROGRAM`", ""]
    for found in json.loads(OUTCOMES.read_text()).get(one.name, []):
        following = f"\nNext: {found['next']}" if found["next"] else ""
        told += [f"{found['program']}:", "", "```text", f"{found['verdict']}: {found['message']}{following}", "```", ""]
    return "\n".join([*head, _fenced(rest.strip()), "", *(told if len(told) > 4 else [])])


def experiments_page(experiments: Sequence[Experiment]) -> str:
    """The list of experiments, in the order of the recipe."""
    lines = ["# Experiments", "", "What `netvet recipe` does, in its order.", ""]
    lines += ["| stage | experiment | | what is done |", "|---|---|---|---|"]
    for one in experiments:
        summary = inspect.cleandoc(one.doc).partition("\n")[0]
        part = "gate" if one.gate else "advice"
        lines.append(f"| {one.stage} | [{one.name}]({one.name}.md) | {part} | {_cell(summary)} |")
    return "\n".join([*lines, ""])


def check_page(one: Check, measured: Mapping[str, Any] | None = None) -> str:
    """The page of one check, with what was measured of it."""
    summary, _, rest = one.doc.partition("\n")
    head = [f"# {one.name}", "", summary, "", "| stage | kind | severity | since |", "|---|---|---|---|"]
    head += [f"| {one.stage} | {one.kind} | {one.severity} | {one.since} |", "", f"Reads {_signal_links(one)}."]
    if one.explained_by:
        links = ", ".join(f"[{name}]({name}.md)" if name in NAMES else name for name in sorted(one.explained_by))
        head += ["", f"Explained by (when one of these fires too, it comes first): {links}."]
    if one.experiments:
        links = ", ".join(f"[{name}](../experiments/{name}.md)" for name in one.experiments)
        head += ["", f"Where the cause stays open, `netvet recipe` tells: {links}."]
    head += ["", sentence(one.name, measured)]
    if asked := asked_as(one.name):
        head += ["", f"Looked at first when people ask: {'; '.join(asked)}."]
    return "\n".join([*head, "", _fenced(rest.strip()), "", *_fixes(one), *_settings(one), *_silence(one)])


def _signal_links(one: Check) -> str:
    names = [*one.required, *(f"{name} (if there)" for name in one.optional)]
    return ", ".join(f"[{name.replace('_', ' ')}](../signals.md#{name.partition(' ')[0]})" for name in names)


def _fenced(text: str) -> str:
    """Put doctest blocks in fences, which every Markdown reader shows as code."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.startswith(">>>") and not inside:
            lines.append("```pycon")
            inside = True
        elif inside and not line.strip():
            lines.append("```")
            inside = False
        lines.append(line)
    return "\n".join([*lines, "```"] if inside else lines)


def _fixes(one: Check) -> list[str]:
    if not one.fixes:
        return []
    names = [f"[{f.name}](../fixes/{f.name}.md)" if f.name in FIXES else f.name for f in one.fixes]
    lines = [f"- **{name}**: {fix.advice}" for name, fix in zip(names, one.fixes, strict=True)]
    tried = ["", "`netvet fix` tries what is linked, and proves it."] if any(f.name in FIXES for f in one.fixes) else []
    return ["## What to change", "", *lines, *tried, ""]


def _settings(one: Check) -> list[str]:
    if not one.settings:
        return []
    lines = [f"{name} = {_toml(value)}" for name, value in one.settings.items()]
    return ["## Settings", "", "```toml", f"[tool.netvet.checks.{one.name}]", *lines, "```", ""]


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(_toml(v) for v in value)}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _silence(one: Check) -> list[str]:
    example = f'[tool.netvet.allow]\n"{one.name}" = "why it is right here"'
    return ["## When it is right as it is", "", "```toml", example, "```", ""]


def index_page(checks: Sequence[Check]) -> str:
    """The list of checks by stage."""
    lines = ["# Checks", "", f"{len(checks)} checks. `netvet explain NAME` prints the same pages."]
    for stage, title in STAGES.items():
        lines += ["", f"## {title}", "", "| check | what it finds | kind | severity |", "|---|---|---|---|"]
        lines += [
            f"| [{c.name}]({c.name}.md) | {_cell(c.summary)} | {c.kind} | {c.severity} |"
            for c in checks
            if c.stage == stage
        ]
    return "\n".join([*lines, ""])


def signals_page(signals: Sequence[Signal]) -> str:
    """The catalogue of signals."""
    lines = ["# Signals", "", "What a run can hold. Steps count completed optimizer steps.", ""]
    lines += ["Cost: `free` is seen in passing, `step` is a little on every step, `deep` on sampled steps only,"]
    lines += ["`probe` once, on a copy. Records that point at the user's code have `file` and `line`."]
    for shape, title in SHAPES.items():
        lines += ["", f"## {title}"]
        for signal in (s for s in signals if s.shape == shape):
            lines += ["", f"### {signal.name}", "", f"{signal.meaning} Unit: {signal.unit}. Cost: `{signal.cost}`."]
            if signal.fields:
                lines += ["", *(f"- `{name}`{': ' if text else ''}{text}" for name, text in signal.fields.items())]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def written_pages() -> list[Path]:
    """Every Markdown page of the repository that links are checked in."""
    return [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]


def broken_links(page: Path) -> Iterator[str]:
    """The relative links of a page that lead nowhere, as `page: target`."""
    text = _CODE.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))
    for target in _LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        goal = (page.parent / file).resolve() if file else page
        if not goal.exists() or (anchor and goal.suffix == ".md" and anchor not in _anchors(goal)):
            yield f"{page.relative_to(ROOT)}: {target}"


def _anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get: lower case, no punctuation, hyphens for spaces."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def main() -> int:
    """Write the pages, remove those of what is gone, and report broken links."""
    made = pages()
    for folder in (DOCS / "checks", DOCS / "experiments", DOCS / "fixes"):
        folder.mkdir(parents=True, exist_ok=True)
        for stale in set(folder.glob("*.md")) - set(made):
            stale.unlink()
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    broken = [link for page in written_pages() for link in broken_links(page)]
    for link in broken:
        print(f"broken link: {link}", file=sys.stderr)
    print(f"{len(made)} pages written, {len(written_pages())} checked, {len(broken)} broken links")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
