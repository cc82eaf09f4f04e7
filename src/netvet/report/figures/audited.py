"""Samples that an audit names: as they look, and why they were named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from netvet.report.figures import Source
from netvet.report.figures.predictions import number_of, records_of
from netvet.report.figures.spec import Figure, Item, axis
from netvet.report.figures.trials import Record, Spread, base, listed, mapped, spreads, word_of

# Rows of a table, and samples of one picture.
ROWS, ITEMS = 100, 48
# Classes whose confusions are drawn as a table of colours.
CLASSES = 20
# Axes of an outlier that are named beneath its picture.
AXES = 2

Cells = list[str | float | None]


class Looks:
    """What is kept of how samples look, by split and key."""

    def __init__(self, source: Source) -> None:
        self.records = records_of(source, "sample_pictures")
        self._known = {(str(one.get("split")), str(one.get("key"))): one for one in self.records}
        self._splits = {str(one.get("split")) for one in self.records}

    def find(self, name: Any, split: Any) -> Record | None:
        """A sample by its name, which begins with its split where there are several."""
        head, colon, rest = str(name).partition(": ")
        own = (head, rest) if colon and head in self._splits else (str(split), str(name))
        return self._known.get(own)

    def item(self, name: Any, split: Any, note: str, label: Any = None, prediction: Any = None) -> Item | None:
        """A sample with what is said of it; None of one that was not kept."""
        found = self.find(name, split)
        if found is None:
            return None
        pixels = found.get("pixels")
        given = found.get("label") if label is None else label
        said = f"{found.get('why')}." if found.get("why") else str(found.get("text") or "")
        return {
            "pixels": pixels if _is_picture(pixels) else None,
            "text": said, "label": "" if given is None else str(given),
            "prediction": "" if prediction is None else str(prediction), "note": note, "wrong": False,
        }  # fmt: skip


def _place(split: Any, key: Any) -> str:
    """The name of a sample with its split, unless it begins with that itself."""
    return str(key) if str(key).startswith(f"{split}/") or split is None else f"{split}: {key}"


def _is_picture(pixels: Any) -> bool:
    whole = mapped(pixels)
    sizes = [whole.get(name) for name in ("width", "height", "channels")]
    return all(isinstance(n, int) and n > 0 for n in sizes) and isinstance(whole.get("data"), str)


def named(source: Source) -> Iterator[Figure]:
    """The figures of all samples that looks have named."""
    looks = Looks(source)
    yield from suspects(source, looks)
    yield from pairs(source, looks)
    yield from conflicts(source, looks)
    yield from outliers(source, looks)
    yield from problems(source, looks)
    yield from ordinary(looks)
    yield from entering(source)
    yield from tokens(source)


def shown(
    identifier: str, title: str, about: str, signal: str, items: Iterable[Item | None], predicted: str = "predicted"
) -> Iterator[Figure]:
    """Samples side by side, those of which something is kept; no figure of none."""
    kept = [one for one in items if one is not None][:ITEMS]
    if kept:
        yield {**base(identifier, title, about, signal), "kind": "images", "items": kept, "predicted": predicted}


def table(identifier: str, title: str, about: str, signal: str, head: list[str], rows: list[Cells]) -> Iterator[Figure]:
    """A table of the first of the rows; no figure of none."""
    cut = f" The first {ROWS} of {len(rows)}." if len(rows) > ROWS else ""
    if rows:
        yield {**base(identifier, title, about + cut, signal), "kind": "table", "columns": head, "rows": rows[:ROWS]}


def suspects(source: Source, looks: Looks) -> Iterator[Figure]:
    """Labels that models contradict."""
    signal, records = "label_suspects", records_of(source, "label_suspects")
    found = [(record, mapped(one)) for record in records for one in listed(record.get("examples"))]
    text = "Samples whose label is contradicted by models that were not fitted on them: label and what they suggest."
    items = (
        looks.item(one.get("key"), record.get("split"), f"{_place(record.get('split'), one.get('key'))}; {_odds(one)}",
                   one.get("given"), one.get("suggested"))
        for record, one in found
    )  # fmt: skip
    yield from shown("data-suspects", "Suspected labels", text, signal, items, "suggested")
    yield from confusions(records)
    rows: list[Cells] = [
        [str(record.get("split")), str(one.get("key")), str(one.get("given")), str(one.get("suggested")),
         number_of(one.get("given_probability")), number_of(one.get("suggested_probability"))]
        for record, one in found
    ]  # fmt: skip
    head = ["split", "sample", "label", "suggested", "probability of the label", "of the suggestion"]
    yield from table("data-suspects-list", "Suspected labels, the surest first", text, signal, head, rows)


def _odds(one: Mapping[str, Any]) -> str:
    found = [number_of(one.get(name)) for name in ("given_probability", "suggested_probability")]
    return " against ".join("?" if p is None else f"{p:.2g}" for p in found)


def confusions(records: Sequence[Record]) -> Iterator[Figure]:
    """Which classes are taken for which, among the suspects."""
    counts: dict[tuple[str, str], float] = {}
    for record in records:
        for pair, count in mapped(record.get("pairs")).items():
            given, arrow, suggested = pair.partition(" -> ")
            if arrow:
                counts[given, suggested] = counts.get((given, suggested), 0.0) + (number_of(count) or 0.0)
    names = sorted({name for pair in counts for name in pair})
    if 1 < len(names) <= CLASSES:
        text = "Suspects by their label and by what models suggest, of the commonest pairs of each split."
        yield {
            **base("data-suspects-pairs", "Suspected labels by class", text, "label_suspects"), "kind": "matrix",
            "row_axis": "label", "column_axis": "suggested", "rows": names, "columns": names,
            "values": [[counts.get((row, column)) for column in names] for row in names], "unit": "samples",
            "diagonal": True,
        }  # fmt: skip


def pairs(source: Source, looks: Looks) -> Iterator[Figure]:
    """Samples that are equal or all but equal, next to each other."""
    near = [
        (
            record.get("split"),
            [str(key) for key in listed(mapped(one).get("samples"))],
            f"{_number(one, 'distance')} apart",
        )
        for record in records_of(source, "near_duplicates")
        for one in listed(record.get("examples"))
    ]
    equal = [
        (record.get("train_split") or record.get("split"), [str(key) for key in listed(pair)], "equal")
        for record in records_of(source, "samples")
        for part in ("overlap_keys", "duplicate_keys")
        for pair in listed(record.get(part))
    ]
    for found, signal, word, text in (
        (
            equal,
            "samples",
            "equal",
            "Samples that are equal, pair by pair: between splits, a score of what was learned by heart.",
        ),
        (near, "near_duplicates", "near", "Different samples that are all but equal, pair by pair."),
    ):
        title = "Equal samples" if word == "equal" else "Samples that are all but equal"
        items = [
            looks.item(key, split, f"pair {number + 1}, {said}: {key}")
            for number, (split, keys, said) in enumerate(found) for key in keys
        ]  # fmt: skip
        yield from shown(f"data-{word}", title, text, signal, items)
        rows: list[Cells] = [
            [number + 1, *keys[:2], said] for number, (_, keys, said) in enumerate(found) if len(keys) > 1
        ]
        yield from table(
            f"data-{word}-list", f"{title}, by name", text, signal, ["pair", "sample", "and", "how near"], rows
        )


def _number(one: Any, name: str) -> str:
    found = number_of(mapped(one).get(name))
    return "?" if found is None else f"{found:.3g}"


def conflicts(source: Source, looks: Looks) -> Iterator[Figure]:
    """Equal inputs with different targets."""
    for record in records_of(source, "conflicts"):
        word, groups = str(record.get("kind")), [mapped(one) for one in listed(record.get("examples"))]
        split = next((one.get("split") for one in looks.records), None)
        members = [
            (number + 1, str(key), target)
            for number, group in enumerate(groups)
            for key, target in zip(listed(group.get("samples")), listed(group.get("targets")), strict=False)
        ]
        text = f"Inputs that are {word} and have different targets, group by group. Healthy: there are none."
        items = (looks.item(key, split, f"group {n}: {key}", target) for n, key, target in members)
        yield from shown(
            f"data-conflicts-{word_of(word)}", f"Conflicting targets of {word} inputs", text, "conflicts", items
        )
        rows: list[Cells] = [[n, key, None if target is None else str(target)] for n, key, target in members]
        yield from table(
            f"data-conflicts-{word_of(word)}-list", f"Conflicting targets of {word} inputs, by name", text, "conflicts",
            ["group", "sample", "target"], rows,
        )  # fmt: skip


def outliers(source: Source, looks: Looks) -> Iterator[Figure]:
    """Samples far from all others, and along which axes they are."""
    signal, records = "outliers", records_of(source, "outliers")
    found = [(record, mapped(one)) for record in records for one in listed(record.get("examples"))]
    text = "Samples beyond the tail that the others of their split follow, and the axis along which they are."
    axes: dict[tuple[str, str], list[str]] = {}
    for record, one in found:
        axes.setdefault((str(record.get("split")), str(one.get("sample"))), []).append(_axis(record, one))
    items = (
        looks.item(key, split, f"{_place(split, key)}; {'; '.join(told[:AXES])}{' ...' if len(told) > AXES else ''}")
        for (split, key), told in axes.items()
    )
    yield from shown("data-outliers", "Outliers", text, signal, items)
    series: dict[str, list[Spread]] = {}
    for record in records:
        name = f"{record.get('axis')}, {record.get('side')}" if record.get("side") else str(record.get("axis"))
        series.setdefault(str(record.get("split")), []).append(Spread(name, number_of(record.get("samples"))))
    said = base(
        "data-outliers-axes", "Outliers by axis", f"How many samples lie beyond the tail of each axis. {text}", signal
    )
    roles = ("train", "val", "reference", "other")
    bars = {split: (own, roles[min(n, 3)]) for n, (split, own) in enumerate(series.items())}
    yield from spreads(said, "axis", axis("samples"), bars)
    rows: list[Cells] = [
        [str(record.get("split")), str(one.get("sample")), str(record.get("axis")), number_of(one.get("value")),
         number_of(record.get("limit")), number_of(record.get("median"))]
        for record, one in found
    ]  # fmt: skip
    head = ["split", "sample", "axis", "value", "limit", "median of all"]
    yield from table("data-outliers-list", "Outliers, by name", text, signal, head, rows)


def _axis(record: Record, one: Mapping[str, Any]) -> str:
    side = f" {record.get('side')}" if record.get("side") else ""
    return f"{record.get('axis')}{side}: {_number(one, 'value')}, limit {_number(record, 'limit')}"


def problems(source: Source, looks: Looks) -> Iterator[Figure]:
    """What cannot be used, and images of poor quality."""
    for signal, word, title, text in (
        (
            "data_problems",
            "what",
            "Samples that cannot be used",
            "How many samples hold nothing that can be used.",
        ),
        (
            "image_quality",
            "issue",
            "Images beyond a limit of quality",
            "How many images are dark, blurry, odd in size, ...",
        ),
    ):
        records = records_of(source, signal)
        ident = f"data-{signal.replace('_', '-')}"
        items = (
            looks.item(key, record.get("split"), f"{_place(record.get('split'), key)}; {record.get(word)}")
            for record in records for key in listed(record.get("examples"))
        ) if signal == "image_quality" else ()  # fmt: skip
        yield from shown(
            f"{ident}-images", title, f"Examples of images by what is unusual of them. {text}", signal, items
        )
        found: dict[str, list[Spread]] = {}
        for record in records:
            found.setdefault(str(record.get("split")), []).append(
                Spread(str(record.get(word)), number_of(record.get("count")))
            )
        roles = ("train", "val", "reference", "other")
        bars = {split: (own, roles[min(n, 3)]) for n, (split, own) in enumerate(found.items())}
        yield from spreads(base(ident, f"{title}, by kind", text, signal), word, axis("samples"), bars)
        rows: list[Cells] = [
            [str(record.get("split")), str(record.get(word)), str(key), str(record.get("message") or "") or None]
            for record in records for key in listed(record.get("examples"))
        ]  # fmt: skip
        head = ["split", "kind", "sample", "about the first of the kind"]
        yield from table(f"{ident}-list", f"{title}, by name", text, signal, head, rows)


def ordinary(looks: Looks) -> Iterator[Figure]:
    """Samples that nothing is said of."""
    items = (
        looks.item(one.get("key"), one.get("split"), _place(one.get('split'), one.get('key')))
        for one in looks.records if not one.get("named")
    )  # fmt: skip
    text = "Some of the training data, of each class in turn. Look whether labels are true, and what is in all of them."
    yield from shown("data-samples", "Samples of the training data", text, "sample_pictures", items)


def entering(source: Source) -> Iterator[Figure]:
    """Samples as they enter the net, in words or numbers."""
    for record in records_of(source, "net_inputs"):
        rows: list[Cells] = [
            [str(mapped(one).get("label")), str(mapped(one).get("text"))] for one in listed(record.get("examples"))
        ]
        shape = " x ".join(str(n) for n in listed(record.get("shape"))) or "one number"
        guess = f", normalisation {record.get('normalisation')}" if record.get("normalisation") else ""
        text = (
            f"{record.get('split')} enters the net as {record.get('kind')} of {shape}, from {_number(record, 'low')} "
            f"to {_number(record, 'high')}{guess}: text, or the first numbers, of some samples."
        )
        split = str(record.get("split"))
        identifier, title = f"data-inputs-{word_of(split)}", f"What enters the net: {split}"
        yield from table(identifier, title, text, "net_inputs", ["label", "sample"], rows)


def tokens(source: Source) -> Iterator[Figure]:
    """Files of tokens."""
    names = ("split", "tokens", "low", "high", "distinct", "vocabulary", "windows", "outside")
    rows: list[Cells] = [
        [str(one.get("split")), *(number_of(one.get(n)) for n in names[1:])]
        for one in records_of(source, "data_tokens")
    ]
    text = (
        "Tokens of each split: lowest and highest, how many different, and windows with one that the vocabulary lacks."
    )
    yield from table("data-tokens", "Tokens", text, "data_tokens", list(names), rows)
