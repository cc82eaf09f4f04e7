"""From signals to a diagnosis: run the checks, fold symptoms under causes, rank, abstain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from netvet.core import SEVERITIES, Check, Facts, Finding, Fix, LayerSeries, NetvetError, Series, Severity
from netvet.locate import located
from netvet.signals import SIGNALS

# A diagnosis names at most this many entries: more is a flood, not an answer.
MAX_VERDICTS = 5
# How sure an experiment is of the fault that it names: others may look the same to it.
ACCUSED = 0.7
# Signals that no run records by itself.
_EXPERIMENTS = "it takes experiments, which `netvet recipe` makes"
_AUDIT = "it takes a look at all samples, which `netvet data` has"


class SignalSource(Protocol):
    """Whatever holds the signals of a run: a stored run, or plain data in a test."""

    def get(self, signal: str) -> Series | LayerSeries | Facts | None:
        """The signal, or None where it was not recorded."""

    def reason(self, signal: str) -> str | None:
        """Why a signal is missing, if that is known."""


@dataclass(frozen=True)
class Settings:
    """What the user asked for.

    Args:
        only: names of the checks to run (empty: all).
        skip: names of the checks not to run.
        allow: acknowledged findings, `check` or `check:where` -> the reason.
        limits: check -> its settings by name.
    """

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    allow: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reported:
    """A finding with the check that made it and what it explains."""

    check: Check
    finding: Finding
    severity: Severity
    explains: tuple[str, ...] = ()
    allowed: str | None = None

    @property
    def rank(self) -> tuple[int, float, int]:
        """Sort key: the gravest, surest finding that explains most comes first."""
        return SEVERITIES.index(self.severity), -self.finding.confidence, -len(self.explains)


@dataclass(frozen=True, slots=True)
class NotAssessed:
    """A check that could not look, and why."""

    check: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One entry of the diagnosis.

    Args:
        check: the cause; for an undetermined one the symptom that stands for it.
        confidence: 0 to 1.
        because: the proof in one sentence.
        fix: the one change to try first, if there is one.
        undetermined: the cause is not known.
        candidates: for an undetermined one, the causes that were looked for and not confirmed.
        experiments: for an undetermined one, what would tell them apart.
        findings: what it rests on, the first being the main one.
        folded: the findings that it explains.
    """

    check: str
    confidence: float
    because: str
    fix: Fix | None
    undetermined: bool
    candidates: tuple[str, ...]
    experiments: tuple[str, ...]
    findings: tuple[Reported, ...]
    folded: tuple[Reported, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that netvet says about a run; `verdicts` is best first, empty when nothing wrong was seen."""

    verdicts: tuple[Verdict, ...]
    findings: tuple[Reported, ...]
    not_assessed: tuple[NotAssessed, ...]

    def worst(self) -> Severity | None:
        """The gravest severity among findings that are not acknowledged."""
        present = {f.severity for f in self.findings if f.allowed is None}
        return next((s for s in SEVERITIES if s in present), None)


def diagnose(source: SignalSource, checks: Sequence[Check], settings: Settings | None = None) -> Diagnosis:
    """Run the checks on the signals of a run and say what is wrong, causes before symptoms.

    Raises:
        NetvetError: a check or setting that does not exist was named.
    """
    chosen = settings or Settings()
    findings: list[Reported] = []
    skipped: list[NotAssessed] = []
    selected = _selected(checks, chosen)
    for one in selected:
        outcome = _run_check(one, source, chosen)
        if isinstance(outcome, NotAssessed):
            skipped.append(outcome)
        else:
            findings += outcome
    fired = {f.check.name for f in findings if f.severity != "note"}
    findings += [f for f in _accused(selected, source, chosen) if f.check.name not in fired]
    named = {f.check.name for f in findings}
    skipped = [one for one in skipped if one.check not in named]
    explained = _with_explained(findings)
    return Diagnosis(tuple(_verdicts(explained)), tuple(sorted(explained, key=lambda f: f.rank)), tuple(skipped))


def _selected(checks: Sequence[Check], settings: Settings) -> list[Check]:
    known = {c.name: c for c in checks}
    allowed_names = [key.partition(":")[0] for key in settings.allow]
    for name in (*settings.only, *settings.skip, *settings.limits, *allowed_names):
        if name not in known:
            raise NetvetError(f"unknown check {name!r}; `netvet explain` lists the checks")
    for name, limits in settings.limits.items():
        for key in limits:
            if key not in known[name].settings:
                raise NetvetError(
                    f"check {name!r} has no setting {key!r}; it has: {', '.join(known[name].settings) or 'none'}"
                )
    return [c for c in checks if (not settings.only or c.name in settings.only) and c.name not in settings.skip]


def _run_check(one: Check, source: SignalSource, settings: Settings) -> list[Reported] | NotAssessed:
    found = {name: source.get(name) for name in (*one.required, *one.optional)}
    for name in one.required:
        if found[name] is None:
            return NotAssessed(one.name, source.reason(name) or _missing(name))
    if not one.required and all(found[name] is None for name in one.optional):
        return NotAssessed(one.name, f"none of its signals was recorded ({', '.join(one.optional)})")
    if one.any_of and all(found[name] is None for name in one.any_of):
        return NotAssessed(one.name, source.reason(one.any_of[0]) or _none_of(one.any_of))
    if (short := _too_short(one, found, source)) is not None:
        return NotAssessed(one.name, short)
    given = {name: value for name, value in found.items() if value is not None}
    try:
        findings = [located(f, source.get) for f in one.function(**given, **settings.limits.get(one.name, {}))]
    except Exception as error:  # a broken check must not cost the user the other findings
        return NotAssessed(one.name, f"the check itself failed: {type(error).__name__}: {error}")
    return [Reported(one, f, f.severity or one.severity, (), _allowed(one.name, f, settings.allow)) for f in findings]


def _none_of(signals: Sequence[str]) -> str:
    return f"none of {', '.join(name.replace('_', ' ') for name in signals)} was recorded"


def _too_short(one: Check, found: Mapping[str, Any], source: SignalSource) -> str | None:
    """Why a log is too short for a check: averages over epochs are few."""
    first = next(iter(one.required), None)
    series = found.get(first or "")
    if not one.fewest or not isinstance(series, LayerSeries) or source.get("log") is None:
        return None
    most = max((len(s) for s in series.values()), default=0)
    if most >= one.fewest:
        return None
    return f"the log has {most} values of the {str(first).replace('_', ' ')}; it takes {one.fewest}"


def _missing(signal: str) -> str:
    if signal == "experiments":
        return _EXPERIMENTS
    known = SIGNALS.get(signal)
    return _AUDIT if known is not None and known.cost == "audit" else f"{signal.replace('_', ' ')} was not recorded"


def _accused(checks: Sequence[Check], source: SignalSource, settings: Settings) -> list[Reported]:
    """What experiments that failed say of the faults they name first: they have tried what checks could only see."""
    records, known = source.get("experiments"), {c.name: c for c in checks}
    found: dict[str, Reported] = {}
    for record in records if isinstance(records, Facts) else ():
        one = known.get(next(iter(record["suspects"]), ""))
        if record["verdict"] == "failed" and one is not None and one.name not in found:
            message = f"{record['message']} (experiment {record['experiment']})"
            finding = located(Finding(message, str(record["experiment"]), confidence=ACCUSED), source.get)
            allowed = _allowed(one.name, finding, settings.allow)
            found[one.name] = Reported(one, finding, one.severity, (), allowed)
    return list(found.values())


def _allowed(name: str, finding: Finding, allow: Mapping[str, str]) -> str | None:
    return allow.get(f"{name}:{finding.where}", allow.get(name))


def _explainers(name: str, by_name: Mapping[str, Check]) -> set[str]:
    """The fired checks that explain this one, directly or through others that fired."""
    seen: set[str] = set()
    queue = [name]
    while queue:
        for other in by_name[queue.pop()].explained_by:
            if other in by_name and other not in seen and other != name:
                seen.add(other)
                queue.append(other)
    return seen


def _with_explained(findings: Sequence[Reported]) -> list[Reported]:
    # A note is no fault, so it explains nothing; an acknowledged finding still explains its symptoms.
    by_name = {f.check.name: f.check for f in findings if f.severity != "note"}
    explains: dict[str, list[str]] = {}
    for name in by_name:
        for cause in _explainers(name, by_name):
            explains.setdefault(cause, []).append(name)
    return [
        Reported(
            f.check,
            f.finding,
            f.severity,
            () if f.severity == "note" else tuple(sorted(explains.get(f.check.name, ()))),
            f.allowed,
        )
        for f in findings
    ]


def _verdicts(findings: Iterable[Reported]) -> list[Verdict]:
    serious = [f for f in findings if f.severity != "note" and f.allowed is None]
    groups: dict[str, list[Reported]] = {}
    for f in sorted(serious, key=lambda f: f.rank):
        groups.setdefault(f.check.name, []).append(f)
    by_name = {f.check.name: f.check for f in findings if f.severity != "note"}
    explainers = {name: _explainers(name, by_name) for name in groups}
    leading = [name for name in groups if not _is_explained(name, explainers)]
    leading.sort(key=lambda name: (groups[name][0].check.kind != "cause", groups[name][0].rank))
    verdicts = [_verdict(groups[name], groups, explainers) for name in leading]
    # One unexplained symptom is worth saying, but beside a proven cause it is a footnote among the findings.
    causes = [v for v in verdicts if not v.undetermined]
    return (causes or verdicts[:1])[:MAX_VERDICTS]


def _is_explained(name: str, explainers: Mapping[str, set[str]]) -> bool:
    """Explained by something that it does not explain in turn (mutual explanations keep the first)."""
    return any(name not in explainers.get(other, set()) for other in explainers[name])


def _verdict(
    group: list[Reported], groups: Mapping[str, list[Reported]], explainers: Mapping[str, set[str]]
) -> Verdict:
    main = group[0]
    name = main.check.name
    folded = tuple(f for other, fs in groups.items() if name in explainers[other] and other != name for f in fs)
    undetermined = main.check.kind == "symptom"
    because = main.finding.message if len(group) == 1 else f"{main.finding.message} (and {len(group) - 1} more)"
    return Verdict(
        check=name,
        confidence=min(main.finding.confidence, 0.3) if undetermined else main.finding.confidence,
        because=f"cause undetermined: {because}" if undetermined else because,
        fix=next(iter(main.check.advised(main.finding)), None),
        undetermined=undetermined,
        candidates=main.check.explained_by if undetermined else (),
        experiments=main.check.experiments if undetermined else (),
        findings=tuple(group),
        folded=folded,
    )
