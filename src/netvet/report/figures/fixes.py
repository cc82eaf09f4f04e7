"""What `netvet fix` has shown: each change beside the unchanged program, and what the pairs decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netvet.report.figures import Source
from netvet.report.figures.predictions import number_of, records_of
from netvet.report.figures.spec import Axis, Bars, Figure, Table, axis, numbers
from netvet.report.figures.trials import (
    TRIAL_STEPS,
    Record,
    Spread,
    base,
    fan,
    listed,
    mapped,
    plot,
    score_axis,
    spreads,
    word_of,
)

SIGNAL = "fixes"
# Changes whose curves are drawn; a study tries eight unless more are asked for by name.
MOST = 24
ROLES = {"helped": "helped", "made worse": "worse"}
HEAD = ["change", "verdict", "judged by", "before", "after", "effect", "from", "to", "p", "pairs", "costs", "why"]


def studies(source: Source) -> Iterator[Figure]:
    """The figures of all rounds of a study."""
    records = records_of(source, SIGNAL)
    for number, record in enumerate(records):
        arms = [arm for arm in listed(record.get("fixes")) if isinstance(arm, Mapping)]
        title = f", round {number + 1}" if len(records) > 1 else ""
        rest: list[Figure] = [*effects(arms, number, title), *verdicts(record, arms, number, title)]
        for figure in rest:
            figure["checks"] = []
            yield figure
        # What helped comes first; a place in the study is what an address keeps.
        places = sorted(range(len(arms)), key=lambda place: arms[place].get("verdict") != "helped")
        for place in places[:MOST]:
            arm = arms[place]
            for figure in curves(record, arm, f"fix-{number}-{place}-{word_of(str(arm.get('fix')))}", title):
                figure["checks"] = [str(arm["check"])] if arm.get("verdict") == "helped" and arm.get("check") else []
                yield figure


def curves(record: Record, arm: Record, identifier: str, title: str) -> Sequence[Figure]:
    """Training or validation of the unchanged and of the changed program, over the seeds that both have."""
    unchanged, changed = mapped(record.get("unchanged")), mapped(arm.get("runs"))
    seeds = [seed for seed in changed if seed in unchanged]
    twins = [mapped(unchanged[seed]) for seed in seeds]
    runs = [mapped(run) for run in changed.values()]
    passes = bool(runs) and bool(twins) and all(len(listed(run.get("curve"))) > 1 for run in (*runs, *twins))
    key = "curve" if passes else "train_curve"
    # What is drawn is the curve of the metric that a run has itself, whatever the pairs are compared by.
    metric = runs[0].get("metric") if runs and passes else None
    split = {"val": "held-out", "train": "training"}.get(str(runs[0].get("split")) if runs else "", "")
    y: Axis = score_axis(metric) if passes else axis("training loss", "loss")
    word = f"{split} {metric}".strip() if passes else "training loss"
    verdict, what = str(arm.get("verdict")), str(arm.get("what") or arm.get("fix"))
    drawn = [
        fan("unchanged", map(_points, (twin.get(key) for twin in twins)), "reference"),
        fan(what, map(_points, (run.get(key) for run in runs)), _role(verdict)),
    ]
    about = (
        f"{word[:1].upper()}{word[1:]} of the unchanged program and with the change, on the same seeds: mean, and "
        f"range as a band. Verdict: {verdict}{_gain(arm)}."
    )
    return plot(base(identifier, f"{_name(arm)} - {verdict}{title}", about, SIGNAL), TRIAL_STEPS, y, drawn)


def _points(curve: Any) -> tuple[list[Any], list[Any]]:
    pairs = [listed(pair) for pair in listed(curve)]
    return [p[0] for p in pairs if len(p) == 2], [p[1] for p in pairs if len(p) == 2]


def _role(verdict: str) -> Any:
    return ROLES.get(verdict, "other")


def _gain(arm: Record) -> str:
    seen = mapped(arm.get("evidence"))
    effect, low, high = (number_of(seen.get(name)) for name in ("effect", "low", "high"))
    if effect is None:
        return ""
    told = f" ({arm.get('metric')} {effect:+.2g}"
    return f"{told}, 95 %: {low:+.2g} to {high:+.2g})" if low is not None and high is not None else f"{told})"


def effects(arms: Sequence[Record], number: int, title: str) -> Iterator[Bars]:
    """By what the pairs are compared: the mean difference of each change, with its interval."""
    compared = [arm for arm in arms if isinstance(arm.get("evidence"), Mapping)]
    for metric in dict.fromkeys(str(arm.get("metric")) for arm in compared):
        own = [arm for arm in compared if str(arm.get("metric")) == metric]
        series = {}
        for verdict in dict.fromkeys(str(arm.get("verdict")) for arm in own):
            found = [Spread.of(_name(arm), arm.get("evidence")) for arm in own if str(arm.get("verdict")) == verdict]
            series[verdict] = (found, _role(verdict))
        about = (
            f"Mean difference of {metric} to the unchanged program, pair by pair, with its 95 % interval; larger is "
            "better, whatever the metric. An interval across zero decides nothing."
        )
        said = base(
            f"fix-{number}-effect-{word_of(metric)}", f"Effect of each change on {metric}{title}", about, SIGNAL
        )
        yield from spreads(said, "change", axis(f"improvement of {metric}", score_axis(metric)["unit"]), series)


def _name(arm: Record) -> str:
    return f"{arm.get('fix')}: {arm.get('what')}" if arm.get("what") else str(arm.get("fix"))


def verdicts(record: Record, arms: Sequence[Record], number: int, title: str) -> Iterator[Table]:
    """All changes with what came of them, and those that could not be made."""
    rows: list[list[str | float | None]] = [_row(arm) for arm in arms]
    for one in listed(record.get("refused")):
        refused = mapped(one)
        rows.append(
            [str(refused.get("fix")), "not applied", *[None] * (len(HEAD) - 3), str(refused.get("reason") or "")]
        )
    if rows:
        best = ", ".join(str(name) for name in listed(record.get("best"))) or record.get("corrected")
        about = f"All changes that were tried. {f'Recommended: {best}.' if best else 'None is proven to help.'}"
        said = base(f"fix-{number}-verdicts", f"Changes and verdicts{title}", about, SIGNAL)
        yield {**said, "kind": "table", "columns": HEAD, "rows": rows}


def _row(arm: Record) -> list[str | float | None]:
    seen = mapped(arm.get("evidence"))
    values = [
        *(arm.get(name) for name in ("before", "after")),
        *(seen.get(n) for n in ("effect", "low", "high", "p", "pairs")),
    ]
    known = [number_of(v) for v in values]
    shown = [None if v is None else numbers([v])[0] for v in known]
    words = (arm.get("cost"), str(arm.get("reason") or "").strip().rpartition("\n")[2])
    metric = str(arm["metric"]) if arm.get("metric") else None
    return [_name(arm), str(arm.get("verdict")), metric, *shown, *(str(w) if w else None for w in words)]
