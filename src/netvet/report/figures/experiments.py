"""Outcomes of experiments: each with the numbers that decided it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from netvet.report.figures import Source
from netvet.report.figures.predictions import number_of, records_of
from netvet.report.figures.spec import Base, Figure, Mark, axis, numbers
from netvet.report.figures.trials import (
    TRIAL_STEPS,
    Record,
    Spread,
    arms_apart,
    base,
    fan,
    finite,
    level,
    listed,
    mapped,
    plot,
    score_axis,
    spaced,
    spreads,
    word_of,
)

SIGNAL = "experiments"
RATE = axis("learning rate", log=True)
# What an unchanged training is called in evidence, and to a reader.
PLAIN = {"plain": "as it is", "own": "as it is"}
WORDS = {
    **PLAIN, "adam": "Adam at 3e-4", "half": "half the batch", "double": "double the batch",
    "longer": "a decay half as fast", "constant": "a constant rate", "more": "more capacity",
}  # fmt: skip
Drawn = Iterable[Figure]


def outcomes(source: Source) -> Iterator[Figure]:
    """The figures of all experiments, in the order of the recipe; the first of each says what came of it."""
    from netvet.report.figures.experiment_table import DRAWN

    for record in records_of(source, SIGNAL):
        name, evidence = str(record.get("experiment")), record.get("evidence")
        if not isinstance(evidence, Mapping) or not evidence:
            continue
        made = [figure for draw in DRAWN.get(name, (whatever,)) for figure in draw(record, evidence)]
        for number, figure in enumerate(made):
            figure["checks"] = [str(one) for one in listed(record.get("suspects"))]
            figure["group"] = {
                "name": name, "outcome": str(record.get("verdict")), "message": str(record.get("message") or ""),
            }  # fmt: skip
            if not number:
                figure["about"] += f" Outcome: {record.get('verdict')}; {record.get('message') or 'no words'}."
            yield figure


def about(record: Record, part: str, title: str, text: str) -> Base:
    """What a figure of an experiment says of itself."""
    name = str(record.get("experiment"))
    return base(f"experiment-{word_of(name)}-{part}", f"{name}: {title}", text, SIGNAL)


def called(name: str) -> str:
    """The name of an arm for a reader."""
    return WORDS.get(name, name)


def role(name: str) -> Any:
    """The colour of an arm: that of the unchanged training is the same everywhere."""
    return "reference" if name in PLAIN else "other"


def whatever(record: Record, evidence: Record) -> Drawn:
    """Of an experiment that the table does not know: what has a form that others have too."""
    yield from losses_of_arms(record, evidence)
    yield from screened(record, evidence)
    found = [Spread(name, number_of(value)) for name, value in evidence.items()]
    text = "The numbers of this experiment."
    yield from spreads(about(record, "numbers", "numbers", text), "number", axis("value"), {"value": (found, "other")})


def losses_of_arms(record: Record, evidence: Record) -> Drawn:
    """Arms beside the unchanged training: their curves, where they end, and the difference that a paired test saw."""
    arms = arms_apart(evidence.get("arms"))
    yield from trained_arms(record, {name: one.get("curve") for name, one in arms.items()})
    ends = [Spread.over(called(name), one.get("losses")) for name, one in arms.items()]
    text = "Loss at the end of the trials: mean over the seeds, and their range. An arm without a bar has diverged."
    yield from spreads(
        about(record, "arms", "loss of each arm", text), "arm", axis("loss", "loss"), {"loss": (ends, "train")}
    )
    gaps = {name: one.get("comparison") for name, one in arms.items() if name not in PLAIN and one.get("comparison")}
    yield from differences(record, gaps, "loss")


def trained_arms(record: Record, curves: Mapping[str, Any]) -> Drawn:
    """Training losses of arms from what an experiment keeps of them: steps, and losses by seed."""
    drawn = [
        fan(called(name), ((listed(one.get("steps")), listed(run)) for run in listed(one.get("losses"))), role(name))
        for name, one in curves.items()
        if isinstance(one, Mapping)
    ]
    text = "Training loss of each arm: mean over the seeds, and their range as a band. Healthy: no change does better."
    yield from plot(about(record, "curves", "training", text), TRIAL_STEPS, axis("loss", "loss"), drawn)


def differences(record: Record, gaps: Mapping[str, Any], measure: Any, part: str = "difference") -> Drawn:
    """What each change makes of a measure, with the interval that holds it with 95 %."""
    better = "Below" if measure == "loss" else "Above"
    text = (
        f"Difference to the unchanged training, pair by pair, with its 95 % interval. {better} zero a change helps; "
        "an interval across zero decides nothing."
    )
    found = [Spread.of(called(name), one) for name, one in gaps.items()]
    yield from spreads(
        about(record, part, f"{measure} of each change", text), "change", score_axis(measure, change=True),
        {"difference": (found, "other")},
    )  # fmt: skip


def twins(record: Record, evidence: Record) -> Drawn:
    """Trainings with true and with spoiled inputs or labels: losses, and what they come to on held-out data."""
    arms, steps = mapped(evidence.get("arms")), evidence.get("steps")
    drawn = [
        fan(called(name), (spaced(run, steps) for run in listed(mapped(one).get("losses"))), role(name))
        for name, one in arms.items()
    ]
    text = "Training loss with the data as they are and as they were spoiled: mean over the seeds, and their range."
    yield from plot(about(record, "curves", "training", text), TRIAL_STEPS, axis("loss", "loss"), drawn)
    for measure, words in (("score", "held-out score"), ("loss", "held-out loss")):
        ends = [Spread.over(called(name), mapped(one).get(measure)) for name, one in arms.items()]
        text = f"The {words} after the trials: mean over the seeds, and their range. Healthy: better as they are."
        yield from spreads(
            about(record, measure, words, text), "data", score_axis(measure), {words: (ends, "val")}
        )  # fmt: skip


def validation(record: Record, curves: Mapping[str, Any], measure: Any) -> Drawn:
    """Validation curves of arms, each a list of one curve a seed."""
    key = "loss" if measure == "loss" else "score"
    drawn = [
        fan(
            called(name),
            ((listed(mapped(c).get("steps")), listed(mapped(c).get(key))) for c in listed(some)),
            role(name),
        )
        for name, some in curves.items()
    ]
    text = f"Validation {measure} of each arm: mean over the seeds, and their range as a band."
    yield from plot(about(record, "curves", "validation", text), TRIAL_STEPS, score_axis(measure), drawn)


def screened(record: Record, evidence: Record) -> Drawn:
    """Changes tried on the same seeds, and the best of them on others."""
    measure = evidence.get("measure") or "score"
    yield from validation(record, mapped(evidence.get("curves")), measure)
    gaps = dict(mapped(evidence.get("compared")))
    if isinstance(evidence.get("confirmed"), Mapping):
        gaps[f"{evidence.get('best')}, on other seeds"] = evidence["confirmed"]
    yield from differences(record, gaps, measure)


def rescue(record: Record, evidence: Record) -> Drawn:
    """A training that fails beside the change that is to rescue it."""
    curves = mapped(evidence.get("curves"))
    scored = any(
        v is not None for some in curves.values() for c in listed(some) for v in listed(mapped(c).get("score"))
    )
    measure = (
        next((mapped(c).get("name") for some in curves.values() for c in listed(some)), None) if scored else "loss"
    )
    named = {str(evidence.get("change") or "changed") if n == "changed" else n: some for n, some in curves.items()}
    yield from validation(record, named, measure or "loss")
    if isinstance(evidence.get("comparison"), Mapping):
        gap = {str(evidence.get("change") or "changed"): evidence["comparison"]}
        yield from differences(record, gap, "learned part of the score" if scored else "learned part of the loss")


def growth(key: str, words: str) -> Callable[[Record, Record], Drawn]:
    """Validation error against the size of the data, or the steps, and what the fitted laws say of twice that."""

    def draw(record: Record, evidence: Record) -> Drawn:
        sizes, errors = finite(evidence.get(key)), [listed(run) for run in listed(evidence.get("errors"))]
        measured = fan("measured", ((sizes, run) for run in errors), "val")
        laws = [law for law in (finite(one) for one in listed(evidence.get("laws"))) if len(law) == 3]
        x = [sizes[-1] * 2 ** (k / 4) for k in range(5)] if sizes and sizes[-1] > 0 else []
        fitted = fan("law of each seed, extrapolated", ((x, [a + b * n**-c for n in x]) for a, b, c in laws), "other")
        if fitted is not None:
            fitted["style"] = "dash"
        measure = evidence.get("measure")
        y = axis("validation loss", "loss") if measure == "loss" else axis(f"1 - validation {measure}", "1")
        text = (
            f"Validation error over the {words}: mean over the seeds and their range; dashed, the fitted law error = "
            "a + b n^-c up to twice as many. Healthy: it has levelled off."
        )
        unit = axis(words, log=key == "sizes")
        yield from plot(about(record, "curve", f"error over the {words}", text), unit, y, [measured, fitted])

    return draw


def early(record: Record, evidence: Record) -> Drawn:
    """Validation along the training, with its best place."""
    steps, measure = listed(evidence.get("steps")), evidence.get("measure")
    drawn = fan(f"validation {measure}", ((steps, run) for run in listed(evidence.get("curves"))), "val")
    best = number_of(evidence.get("best_step"))
    marks: list[Mark] = [{"x": best, "label": "best", "severity": "best"}] if best is not None else []
    text = "Mean over the seeds, and their range. Healthy: the best place is the last, or nothing is lost after it."
    yield from plot(
        about(record, "curve", f"validation {measure}", text), TRIAL_STEPS, score_axis(measure), [drawn], marks
    )


def lr_range(record: Record, evidence: Record) -> Drawn:
    """Change of the loss while the rate rises, then losses of trainings at constant rates."""
    curve = mapped(evidence.get("curve"))
    rates, change, error = (finite(curve.get(name)) for name in ("rates", "change", "error"))
    if rates and len(rates) == len(change):
        drawn = fan("change of the loss", [(rates, change)], "train")
        if drawn is not None and len(error) == len(rates):
            drawn["low"] = numbers(c - 2 * e for c, e in zip(change, error, strict=True))
            drawn["high"] = numbers(c + 2 * e for c, e in zip(change, error, strict=True))
        text = (
            "Loss while the rate rises from step to step, less that of untouched weights on the same batches; the band "
            "is two standard errors. Healthy: your rate lies on the way down."
        )
        y = axis("change of the loss", "nats")
        yield from plot(about(record, "ramp", "range test", text), RATE, y, [drawn], _rates(evidence))
    yield from constant_rates(record, evidence)


def constant_rates(record: Record, evidence: Record) -> Drawn:
    """Losses of trainings at constant rates."""
    tried = [one for one in listed(evidence.get("tried")) if number_of(mapped(one).get("rate"))]
    tried.sort(key=lambda one: float(one["rate"]))
    rates, ends = [one["rate"] for one in tried], [listed(one.get("losses")) for one in tried]
    seeds = range(max(map(len, ends), default=0))
    drawn = [
        fan("loss at the end", ((rates, [own[s] if s < len(own) else None for own in ends]) for s in seeds), "train"),
        fan("at your rate", (([evidence.get("own")], [v]) for v in listed(evidence.get("own_losses"))), "other"),
        level("first loss", evidence.get("start"), finite(rates)),
    ]
    text = (
        f"Loss after {evidence.get('steps')} steps at constant rates: mean over the seeds, and their range. A rate "
        "without a point has diverged."
    )
    said = about(record, "rates", "training at constant rates", text)
    yield from plot(said, RATE, axis("loss", "loss"), drawn, _rates(evidence))


def _rates(evidence: Record) -> list[Mark]:
    found: list[Mark] = []
    for key, label, severity in (("recommended", "recommended", "best"), ("own", "your rate", "note")):
        rate = number_of(evidence.get(key))
        if rate is not None and rate > 0:
            found.append({"x": rate, "label": label, "severity": severity})  # type: ignore[typeddict-item]
    return found


def batch_size(record: Record, evidence: Record) -> Drawn:
    """The batch beside the noise scale of its gradient, then the arms."""
    found = [
        Spread("batch of the program", number_of(evidence.get("batch_size"))),
        Spread("noise scale of the gradient", number_of(evidence.get("noise_scale"))),
    ]
    text = (
        "A batch far above the noise scale pays for samples that tell it nothing new; one far below takes noisy steps."
    )
    said = about(record, "noise", "batch and noise scale", text)
    yield from spreads(said, "size", axis("samples"), {"samples": (found, "other")})
    yield from losses_of_arms(record, evidence)


def schedule(record: Record, evidence: Record) -> Drawn:
    """The schedule of the rate as it was recorded, then the arms."""
    places, rates = spaced(evidence.get("rates"), None)
    text = "Learning rate of the program over its recorded steps, as multiples of its base rate."
    share = axis("position in the recorded schedule", "1")
    unit = [p / max(1, len(rates) - 1) for p in places]
    yield from plot(
        about(record, "rate", "learning rate", text),
        share,
        axis("multiple", "1"),
        [fan("rate", [(unit, rates)], "other")],
    )
    yield from losses_of_arms(record, evidence)
