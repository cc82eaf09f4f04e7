"""Which fixes a diagnosis speaks for: the likeliest and cheapest first, each as a patch of the program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netvet.core import Finding, NetvetError
from netvet.diagnose import Diagnosis, Reported, Verdict
from netvet.fixes import NAMES, all_fixes, edits_of
from netvet.fixes.fix import Intervention
from netvet.fixes.program import Program
from netvet.fixes.source import NotApplicable, Patch

# Variants of one fix that are tried at most: further ones cost more than they tell.
MAX_VARIANTS = 3
# A fix, the check that it is tried for, and what that has found.
Wanted = tuple[Intervention, str, Finding | None]


@dataclass(frozen=True)
class Candidate:
    """A change that can be tried.

    Args:
        fix: its name; `what`: the change in a few words.
        check: the finding that it is tried for; empty where it was asked for by name.
    """

    fix: Intervention
    what: str
    check: str
    patch: Patch


@dataclass(frozen=True)
class Refused:
    """A fix that cannot be made in this program, and why."""

    fix: str
    check: str
    reason: str


@dataclass(frozen=True)
class Choice:
    """Candidates in the order in which they are to be tried, those of one fix together, and the fixes left out."""

    fixes: tuple[tuple[Candidate, ...], ...]
    refused: tuple[Refused, ...]


def choose(diagnosis: Diagnosis, program: Program, names: Sequence[str] = ()) -> Choice:
    """Candidates for what is wrong, or of the fixes that are asked for.

    Raises:
        NetvetError: there is no fix of a name.
    """
    offered = all_fixes(program.framework)
    wanted = _asked(names, diagnosis, offered) if names else _proposed(diagnosis, offered)
    fixes: list[tuple[Candidate, ...]] = []
    refused: list[Refused] = []
    texts: set[str] = set()
    seen: set[str] = set()
    for one, check, finding in wanted:
        if one.name in seen:
            continue
        made, reason = _made(one, check, program.about(finding), texts)
        if made:
            seen.add(one.name)
            fixes.append(tuple(made))
        elif all(r.fix != one.name for r in refused):
            refused.append(Refused(one.name, check, reason))
    return Choice(tuple(fixes), tuple(r for r in refused if r.fix not in seen))


def _made(one: Intervention, check: str, program: Program, texts: set[str]) -> tuple[list[Candidate], str]:
    """Variants of a fix that no other fix has made; or why there are none."""
    made: list[Candidate] = []
    make = edits_of(one, program.framework)
    assert make is not None
    try:
        for editor in make(program):
            patch = editor.patch()
            key = "\0".join(f"{path}\0{text}" for path, text in sorted(patch.texts.items()))
            if key not in texts:
                texts.add(key)
                made.append(Candidate(one, editor.what, check, patch))
            if len(made) >= MAX_VARIANTS:
                break
    except NotApplicable as error:
        return made, str(error)
    except Exception as error:  # a program of another shape than the fix expects
        return made, f"{type(error).__name__}: {error}"
    return made, "the program has this already"


def _proposed(diagnosis: Diagnosis, offered: Sequence[Intervention]) -> Iterator[Wanted]:
    """Fixes for each verdict, and then for what it explains or may be caused by."""
    later: list[tuple[str, Finding | None]] = []
    for verdict in diagnosis.verdicts:
        main = _main(verdict)
        yield from _for(verdict.check, main.finding if main is not None else None, main, offered)
        later += [(r.check.name, r.finding) for r in verdict.findings[1:]]
        if verdict.undetermined:
            yield from _for_any(verdict, offered)
    for check, finding in later:
        yield from _for(check, finding, None, offered)


def _for_any(verdict: Verdict, offered: Sequence[Intervention]) -> Iterator[Wanted]:
    """Of an open cause: what would mend most of those that it may have."""
    counted = [(sum(name in one.mends for name in verdict.candidates), one) for one in offered]
    for _, one in sorted((c for c in counted if c[0]), key=lambda c: -c[0]):
        yield one, verdict.check, None


def _main(verdict: Verdict) -> Reported | None:
    return next((r for r in verdict.findings if r.check.name == verdict.check), None)


def _for(
    check: str, finding: Finding | None, main: Reported | None, offered: Sequence[Intervention]
) -> Iterator[Wanted]:
    """What the check itself advises first, then what else mends it, in the order of the table."""
    advised = [f.name for f in main.check.fixes] if main is not None else []
    mending = [one for one in offered if check in one.mends]
    for one in sorted(mending, key=lambda m: advised.index(m.name) if m.name in advised else len(advised)):
        yield one, check, finding


def _asked(names: Sequence[str], diagnosis: Diagnosis, offered: Sequence[Intervention]) -> Iterator[Wanted]:
    found = {r.check.name: r.finding for r in reversed(diagnosis.findings)}
    for name in names:
        if name not in NAMES:
            raise NetvetError(f"there is no fix {name!r}; `netvet fix --list` shows all of them")
        one = next((f for f in offered if f.name == name), None)
        if one is None:
            raise NetvetError(f"the fix {name!r} is not made in programs of this framework: see `netvet fix --list`")
        check = next((r.check.name for r in diagnosis.findings if r.check.name in one.mends), "")
        yield one, check, found.get(check)
