"""What the data of an audit are: classes, columns and attributes by split, and how splits differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from netvet.report.figures import Source
from netvet.report.figures.predictions import number_of, records_of
from netvet.report.figures.spec import Curve, Figure, axis
from netvet.report.figures.thin import series_of
from netvet.report.figures.trials import (
    Record,
    Spread,
    base,
    fan,
    finite,
    listed,
    mapped,
    plot,
    score_axis,
    spreads,
    word_of,
)

# Bars and figures that a person still looks at; of more classes or columns the first (or farthest) are drawn.
CLASSES, COLUMNS, FEATURES, WORDS = 100, 40, 16, 20
CHANCE = 0.05
# What tells most of samples that are no tables, before their other attributes.
FIRST = ("width", "height", "characters", "tokens", "seconds", "brightness", "contrast", "sharpness", "mean", "std")
ROLES = {"train": "train", "val": "val", "test": "reference"}


def overview(source: Source) -> Iterator[Figure]:
    """What the data are, split by split."""
    splits = records_of(source, "data_splits")
    yield from classes(splits)
    yield from learning(source)
    yield from people(source)
    features = records_of(source, "data_features")
    yield from missing(features, splits)
    yield from distributions(features, splits, records_of(source, "split_drift"))


def differences(source: Source) -> Iterator[Figure]:
    """How the held-out splits differ from the training data, and what they share."""
    for number, record in enumerate(records_of(source, "split_drift")):
        yield from drift(record, number)
    yield from layouts(source)
    yield from groups(source)
    yield from leaks(source)
    yield from shortcuts(source)
    yield from pairing(source)


def role(split: Any, splits: Sequence[Record]) -> Any:
    """The colour of a split, by what it is for."""
    own = next((one.get("role") for one in splits if one.get("split") == split), None)
    return ROLES.get(str(own), "other")


def classes(splits: Sequence[Record]) -> Iterator[Figure]:
    """Share of each class in each split."""
    known = [one for one in splits if listed(one.get("classes")) and sum(finite(one.get("counts"))) > 0]
    names = list(dict.fromkeys(str(name) for one in known for name in listed(one.get("classes"))))
    series = {}
    for one in known:
        total = sum(finite(one.get("counts")))
        pairs = zip(listed(one.get("classes")), listed(one.get("counts")), strict=False)
        found = [
            Spread(str(name), (number_of(count) or 0.0) / total)
            for name, count in pairs
            if str(name) in names[:CLASSES]
        ]
        series[f"{one.get('split')} ({one.get('samples')} samples)"] = found, role(one.get("split"), splits)
    cut = f" The first {CLASSES} of {len(names)}." if len(names) > CLASSES else ""
    text = f"Share of the samples of each class. Healthy: no class is rare, and splits agree.{cut}"
    yield from spreads(
        base("data-classes", "Classes by split", text, "data_splits"),
        "class",
        axis("share of the samples", "share"),
        series,
    )


def learning(source: Source) -> Iterator[Figure]:
    """What cheap models reach with parts of the training data."""
    for record in records_of(source, "learning_curve"):
        sizes, scores, errors = (finite(record.get(name)) for name in ("sizes", "scores", "spreads"))
        drawn = fan(f"{record.get('learner')}, held out", [(sizes, scores)], "val")
        if drawn is not None and len(errors) == len(sizes) == len(scores):
            drawn["low"] = [s - 2 * e for s, e in zip(scores, errors, strict=True)]
            drawn["high"] = [s + 2 * e for s, e in zip(scores, errors, strict=True)]
        text = (
            "Held-out score of cheap models by the size of the training data; the band is two standard errors. "
            "Healthy: it has levelled off; where it still rises, more data would help."
        )
        said = base("data-learning-curve", "Score by the number of samples", text, "learning_curve")
        yield from plot(said, axis("training samples", log=True), score_axis(record.get("score")), [drawn])


def people(source: Source) -> Iterator[Figure]:
    """How good people are at the task."""
    found = [Spread.of(str(one.get("annotator")), one, "accuracy") for one in records_of(source, "human_baseline")]
    scores = [one.finite().values for one in series_of(source, "val_accuracy").values()]
    nets = [Spread("the net, last evaluation", float(values[-1])) for values in scores[:1] if len(values)]
    text = (
        "Share of blind answers of people that agree with the labels, with its 95 % interval, beside the last "
        "evaluation of a net. Healthy: a net comes near to people who know the task."
    )
    said = base("data-people", "Accuracy of people and net", text, "human_baseline")
    yield from spreads(
        said, "who", axis("accuracy", "share"), {"accuracy": (found + nets, "reference")} if found else {}
    )


def missing(features: Sequence[Record], splits: Sequence[Record]) -> Iterator[Figure]:
    """Share of missing values of the columns that have any."""
    holes = {str(one.get("feature")) for one in features if (_missing(one) or 0) > 0}
    names = sorted(holes, key=lambda n: -max(_missing(o) or 0 for o in features if str(o.get("feature")) == n))[
        :COLUMNS
    ]
    series = {}
    for split in dict.fromkeys(str(one.get("split")) for one in features):
        own = {str(one.get("feature")): one for one in features if str(one.get("split")) == split}
        series[split] = [Spread(n, _missing(own[n])) for n in names if n in own], role(split, splits)
    text = "Share of the samples without a value, of columns that lack any. Healthy: splits agree."
    cut = f" The {COLUMNS} of {len(holes)} that lack the most." if len(holes) > COLUMNS else ""
    said = base("data-missing", "Missing values", text + cut, "data_features")
    yield from spreads(said, "column", axis("share of the samples", "share"), series if names else {})


def _missing(one: Record) -> float | None:
    counts = [number_of(one.get(name)) or 0.0 for name in ("count", "missing", "infinite")]
    return counts[1] / sum(counts) if sum(counts) else None


def distributions(features: Sequence[Record], splits: Sequence[Record], drifts: Sequence[Record]) -> Iterator[Figure]:
    """The distributions of the columns that tell most: those that moved between splits, then the first."""
    moved = [
        str(one.get("column")) for record in drifts for one in map(mapped, listed(record.get("moved"))) if _sure(one)
    ]
    names = list(dict.fromkeys(str(one.get("feature")) for one in features))
    # The values of a tensor are too many, and none is more than another: only those that moved are drawn.
    rest = [] if any(one.get("kind") == "tensor" for one in splits) else names
    order = list(dict.fromkeys([*(n for n in FIRST if n in names), *(n for n in moved if n in names), *rest]))
    order = [name for name in order if not _constant(name, features)]
    for number, name in enumerate(order[:FEATURES]):
        own = [one for one in features if str(one.get("feature")) == name]
        yield from distribution(name, number, own, splits)


def _constant(name: str, features: Sequence[Record]) -> bool:
    """All samples of all splits have one and the same value."""
    own = [one for one in features if str(one.get("feature")) == name]
    values = {_pair(pair)[0] for one in own for pair in listed(one.get("top"))}
    return all(one.get("distinct") == 1 for one in own) and len(values) == 1


def distribution(name: str, number: int, own: Sequence[Record], splits: Sequence[Record]) -> Iterable[Figure]:
    """One column: cumulative shares where it has many values, else the share of each of them."""
    word = f"value {name}" if name.isdecimal() else name
    identifier, title = f"data-column-{number}-{word_of(name)}".strip("-"), f"Distribution of {word}"
    if not _few(own):
        drawn = [_cumulative(one, splits) for one in own]
        text = "Share of the samples with at most this value, from quantiles. Healthy: splits lie on each other."
        return plot(
            base(identifier, title, text, "data_features"),
            axis(word, log=_wide(drawn)),
            axis("share of the samples", "share"),
            drawn,
        )
    values = list(dict.fromkeys(_pair(pair)[0] for one in own for pair in listed(one.get("top"))))[:WORDS]
    series = {}
    for one in own:
        total = sum(number_of(one.get(key)) or 0.0 for key in ("count", "missing", "infinite"))
        counts = {_pair(pair)[0]: _pair(pair)[1] or 0.0 for pair in listed(one.get("top"))}
        found = [Spread(value, counts[value] / total) for value in values if value in counts and total]
        series[str(one.get("split"))] = found, role(one.get("split"), splits)
    text = "Share of the samples with each of the commonest values. Healthy: splits agree."
    return spreads(base(identifier, title, text, "data_features"), word, axis("share of the samples", "share"), series)


def _pair(pair: Any) -> tuple[str, float | None]:
    """A value as text, and its count."""
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return "?", None
    return f"{pair[0]:g}" if isinstance(pair[0], float) else str(pair[0]), number_of(pair[1])


def _wide(curves: Sequence[Curve | None]) -> bool:
    """Positive values of which the largest would press all others into a corner."""
    x = [v for one in curves if one is not None for v in one["x"]]
    return bool(x) and min(x) > 0 and max(x) > 20 * sorted(x)[len(x) // 2]


def _few(own: Sequence[Record]) -> bool:
    """Words, or numbers of which there are so few that each has a bar."""
    different = [number_of(one.get("distinct")) for one in own]
    return all(one.get("kind") == "words" for one in own) or all(d is not None and d <= WORDS / 2 for d in different)


def _share_of(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _cumulative(one: Record, splits: Sequence[Record]) -> Curve | None:
    pairs = [(_share_of(share), number_of(value)) for share, value in mapped(one.get("quantiles")).items()]
    known = sorted((value, share) for share, value in pairs if value is not None and share is not None)
    # Where several quantiles are one value, the last says how many samples have at most that.
    places = dict(known)
    return fan(str(one.get("split")), [(list(places), list(places.values()))], role(one.get("split"), splits))


def drift(record: Record, number: int) -> Iterator[Figure]:
    """What moved between the training data and a held-out split."""
    train, split = str(record.get("train")), str(record.get("split"))
    moved = [mapped(one) for one in listed(record.get("moved"))]
    series = {}
    for word, sure, role in (("more than chance", True, "other"), ("within chance", False, "reference")):
        own = [one for one in moved if _sure(one) == sure]
        series[word] = [Spread(str(one.get("column")), number_of(one.get("distance"))) for one in own], role
    area = number_of(record.get("area"))
    told = (
        ""
        if area is None
        else f" A classifier tells the two splits apart with an area under the curve of {area:.2f} (0.5: not at all)."
    )
    text = (
        f"Kolmogorov-Smirnov distance between {train} and {split}: 0 where they are distributed alike, 1 where they "
        f"have nothing in common.{told}"
    )
    said = base(f"data-drift-{number}", f"Columns that differ between {train} and {split}", text, "split_drift")
    yield from spreads(said, "column", axis("distance"), {word: one for word, one in series.items() if one[0]})


def _sure(one: Record) -> bool:
    """The distance is more than chance: its probability is that of the largest of all columns already."""
    p = number_of(one.get("p"))
    return p is not None and p < CHANCE


def layouts(source: Source) -> Iterator[Figure]:
    """Whether held-out images become those of training by a change of layout."""
    for number, record in enumerate(records_of(source, "split_layout")):
        words = {
            "distance": "as it is",
            "changed": f"{record.get('change')}, undone",
            "chance": "parts of the training data",
        }
        if number_of(record.get("distance")) is None:
            words = {"rough": "as it is", "smooth": "axes put right"}
        found = [Spread(word, number_of(record.get(key))) for key, word in words.items()]
        text = (
            f"Between {record.get('train')} and {record.get('split')}: of mean images, or of neighbouring values where "
            "axes are mixed up. Lower is more alike."
        )
        said = base(
            f"data-layout-{number}",
            f"Layout of {record.get('split')}: {record.get('change') or 'axes'}",
            text,
            "split_layout",
        )
        yield from spreads(said, "layout", axis("difference"), {"difference": (found, "other")})


def groups(source: Source) -> Iterator[Figure]:
    """Samples whose group is in the training data too, and training samples that are newer than held-out ones."""
    found = [
        Spread(f"{one.get('column')}, {one.get('split')}", _share(one, "shared_samples", "samples"))
        for one in records_of(source, "group_overlap")
    ]
    text = "Share of the held-out samples whose group (patient, user, ...) is in the training data too. Healthy: 0."
    said = base("data-groups", "Groups in two splits", text, "group_overlap")
    yield from spreads(said, "group", axis("share of the samples", "share"), {"shared": (found, "worse")})
    found = [Spread(str(one.get("split")), _share(one, "late", "samples")) for one in records_of(source, "time_order")]
    text = (
        "Share of the training samples that are newer than the first held-out one. Healthy: 0, if the split is by time."
    )
    said = base("data-times", "Training samples from the future", text, "time_order")
    yield from spreads(
        said, "held-out split", axis("share of the training samples", "share"), {"late": (found, "worse")}
    )


def _share(record: Record, part: str, whole: str) -> float | None:
    some, all_of = number_of(record.get(part)), number_of(record.get(whole))
    return some / all_of if some is not None and all_of else None


def leaks(source: Source) -> Iterator[Figure]:
    """Columns that decide the target by themselves."""
    records = records_of(source, "feature_leaks")[:COLUMNS]
    alone = [Spread(str(one.get("column")), number_of(one.get("alone"))) for one in records]
    best = [Spread(str(one.get("column")), number_of(one.get("next"))) for one in records]
    text = (
        "Skill of a small tree with this column alone, beside the next best column: 1 decides the target, 0 is chance."
    )
    said = base("data-leaks", "Columns that decide the target", text, "feature_leaks")
    yield from spreads(
        said, "column", axis("skill"), {"alone": (alone, "worse"), "next best column": (best, "reference")}
    )


def shortcuts(source: Source) -> Iterator[Figure]:
    """Attributes that are no content and predict the class."""
    records = records_of(source, "spurious_features")[:COLUMNS]
    skill = [Spread(str(one.get("attribute")), number_of(one.get("skill"))) for one in records]
    chance = [Spread(str(one.get("attribute")), number_of(one.get("permuted"))) for one in records]
    text = (
        "Skill of a small tree at the class with this attribute alone, beside the best of 19 permuted labellings. "
        "Healthy: no better."
    )
    said = base("data-spurious", "Attributes that predict the class", text, "spurious_features")
    yield from spreads(
        said, "attribute", axis("skill"), {"true labels": (skill, "worse"), "permuted labels": (chance, "reference")}
    )


def pairing(source: Source) -> Iterator[Figure]:
    """What simple learners reach with the true and with shuffled labels."""
    for number, record in enumerate(records_of(source, "random_labels")):
        spread = number_of(record.get("shuffled_sd")) or 0.0
        mean = number_of(record.get("shuffled_score"))
        shuffled = Spread(
            "shuffled labels",
            mean,
            None if mean is None else mean - 2 * spread,
            None if mean is None else mean + 2 * spread,
        )
        found = [
            Spread("true labels", number_of(record.get("true_score"))), shuffled,
            Spread("labels moved by one sample", number_of(record.get("shift_score"))),
            Spread("the model itself", number_of(record.get("model_val_score"))),
            Spread("chance", number_of(record.get("chance"))),
        ]  # fmt: skip
        text = (
            "Held-out score of simple learners (r2: of ranks, so that far values do not decide); of shuffled labels "
            "with two standard deviations. Healthy: the true ones teach far more."
        )
        said = base(f"data-pairing-{number}", "True labels against shuffled ones", text, "random_labels")
        yield from spreads(
            said,
            "labels",
            score_axis(record.get("score")),
            {"score": ([f for f in found if f.mean is not None], "val")},
        )
