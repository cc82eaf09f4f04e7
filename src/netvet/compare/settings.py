"""What was set differently in two runs, from their facts: with human names, without what differs in any two runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netvet.core import Facts, Location, Record

# Episodes and sequences differ in length from batch to batch; a batch size is doubled or halved.
BATCH_SAME = 0.3
# Nothing that training code sets has a meaning below this relative difference (0.1 + 0.2 against 0.3).
SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that was set differently.

    Args:
        group: what it belongs to: `optimizer`, `loss`, `model`, `data`, ...
        name: what it is, in words.
        good: its value in the good run, JSON types; None where it was not there.
        bad: the same of the bad run.
        where: layers or parameters that it holds for, in the order of the model.
        place: line of the bad run's code, else of the good one's.
        counts: False for circumstances (arguments, versions, seeds), which change a training only through other things.
    """

    group: str
    name: str
    good: object
    bad: object
    where: tuple[str, ...] = ()
    place: Location | None = None
    counts: bool = True


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of record whose fields can be compared one by one; records are paired by `identity`, then by order."""

    signal: str
    group: str
    fields: Mapping[str, str]
    identity: tuple[str, ...] = ()
    counts: bool = True


def _same(*names: str) -> dict[str, str]:
    return {name: name.replace("_", " ") for name in names}


_GROUP = _same("momentum", "betas", "eps", "maximize", "alpha", "nesterov", "amsgrad") | {
    "weight_decay": "weight decay", "parameters": "parameters in its group",
}  # fmt: skip
_KINDS = (
    _Kind("environment", "environment", {
        "python": "Python", "torch": "PyTorch", **_same("device", "threads"),
    }, counts=False),
    _Kind("seeds", "seeds", {"generator": "seeded generator"}, ("generator",), counts=False),
    _Kind("optimizers", "optimizer", {"cls": "class", **_GROUP}),
    _Kind("schedulers", "schedule", {"cls": "class", "per": "stepped per", "optimizer": "optimizer"}),
    _Kind("losses", "loss", {
        "function": "function", "classes": "classes", "input_op": "operation that makes its input",
        "broadcast": "shapes broadcast", "label_smoothing": "label smoothing", "ignore_index": "ignored class",
        **_same("reduction", "weight", "pos_weight"),
    }, ("phase",)),
    _Kind("clips", "clipping", {"kind": "kind", "max_norm": "limit", "position": "position"}),
    _Kind("scalers", "precision", {"scale_first": "first loss scale"}),
    _Kind("precision", "precision", {
        "autocast": "autocast", "autocast_device": "device of autocast", "parameter_dtypes": "types of the parameters",
    }),
    _Kind("loaders", "data", {
        "dataset": "data set", "samples": "samples", "batch_size": "batch size", "shuffled": "shuffled",
        "sampler": "sampler", "drop_last": "last batch dropped", "workers": "workers",
        "distributed_sampler": "distributed sampler",
    }, ("phase",)),
    _Kind("inputs", "data", {
        "sample_shape": "shape of a sample", "batch": "samples in a batch", "dtype": "type of the input",
        "integral": "only whole numbers",
    }, ("model", "position", "phase")),
    _Kind("targets", "data", {
        "kind": "kind of target", "dtype": "type of the target", "outputs": "outputs",
    }, ("phase",)),
    _Kind("calls", "model", {
        "dropout_active": "dropout active", "batch_norm_active": "batch norm uses the batch",
        "compiled": "compiled", "modules_in_train_mode": "share of modules in training mode",
    }, ("model", "phase")),
    _Kind("backwards", "loop", {"per_step": "backward calls per step", "scaled": "loss scaled"}),
    _Kind("checkpoints", "checkpoint", {
        "keys": "kinds of state", "missing_count": "missing weights", "unexpected_count": "unused weights",
        "strict": "strict",
    }, ("kind", "target")),
    _Kind("replicas", "distributed", _same("world_size", "wrapper")),
)  # fmt: skip


def settings(good: Mapping[str, Facts], bad: Mapping[str, Facts]) -> Iterator[Difference]:
    """Compare the facts of two runs field by field; layers and parameters are not among them (`structure`)."""
    yield from _arguments(good.get("run", Facts()), bad.get("run", Facts()))
    for kind in _KINDS:
        if kind.signal in good and kind.signal in bad:
            yield from _records(kind, _flat(kind.signal, good[kind.signal]), _flat(kind.signal, bad[kind.signal]))


def _flat(signal: str, records: Facts) -> list[Record]:
    """The records as they are compared: one for each group of an optimizer, the settings of schedules as fields."""
    if signal == "optimizers":
        return [{**r, "file": r.get("file") or r.get("step_file"), **g} for r in records for g in r.get("groups") or ()]
    if signal == "schedulers":
        return [{**r, **{f"its {k}": v for k, v in (r.get("settings") or {}).items()}} for r in records]
    if signal == "inputs":
        return [{**r, "sample_shape": (r.get("shape") or [None])[1:]} for r in records if r.get("phase") == "train"]
    if signal == "seeds":
        return list({r.get("generator"): r for r in records}.values())
    if signal == "losses":
        return [r for r in records if r.get("phase") != "train" or r.get("feeds_backward") is not False]
    if signal == "checkpoints":
        return [r for r in records if r.get("kind") != "save"]
    return list(records)


def _arguments(good: Facts, bad: Facts) -> Iterator[Difference]:
    left, right = ({} if not run else _flags(run[0].get("arguments") or ()) for run in (good, bad))
    for flag in dict.fromkeys((*left, *right)):
        if left.get(flag) != right.get(flag):
            yield Difference("arguments", flag, left.get(flag), right.get(flag), counts=False)


def _flags(arguments: Sequence[str]) -> dict[str, str]:
    """`--lr 0.1 --fast x` as {"--lr": "0.1", "--fast": "x"}: what follows an option is taken for its value."""
    found: dict[str, str] = {}
    flag, position = None, 0
    for text in map(str, arguments):
        if text.startswith("-") and not _is_number(text):
            flag, _, value = text.partition("=")
            found[flag] = value or "given"
            flag = None if value else flag
        elif flag is not None:
            found[flag], flag = text, None
        else:
            position += 1
            found[f"argument {position}"] = text
    return found


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _records(kind: _Kind, good: Sequence[Record], bad: Sequence[Record]) -> Iterator[Difference]:
    many = max(len(good), len(bad)) > 1
    for left, right in _paired(kind.identity, good, bad):
        title = _title(kind, right or left or {})
        if left is None or right is None:
            place = place_of(right or left or {})
            name = title or kind.signal
            yield Difference(kind.group, name, _summary(kind, left), _summary(kind, right), (), place, kind.counts)
        else:
            yield from _fields(kind, left, right, f" ({title})" if many and title else "")


def _fields(kind: _Kind, good: Record, bad: Record, title: str) -> Iterator[Difference]:
    names = {**kind.fields, **{f: f.removeprefix("its ") for f in (*good, *bad) if f.startswith("its ")}}
    # Adam has betas and SGD has none: the classes say it all.
    both = good.get("cls") != bad.get("cls") or kind.signal not in ("optimizers", "schedulers")
    for field, name in names.items():
        if both and (field not in good or field not in bad):
            continue
        if not alike(good.get(field), bad.get(field), BATCH_SAME if field == "batch" else SAME):
            place = place_of(bad)
            yield Difference(kind.group, name + title, good.get(field), bad.get(field), (), place, kind.counts)


def _title(kind: _Kind, record: Record) -> str:
    names = [str(record[f]) for f in kind.identity if record.get(f) is not None]
    return ", ".join(names) if names else str(record.get("name") or record.get("cls") or "")


def _summary(kind: _Kind, record: Record | None) -> object:
    if record is None:
        return None
    first = next(iter(kind.fields))
    return record.get(first) if record.get(first) is not None else "there"


def _paired(
    identity: tuple[str, ...], good: Sequence[Record], bad: Sequence[Record]
) -> Iterator[tuple[Record | None, Record | None]]:
    """Records of the same identity in their order; None stands for a partner that is missing."""

    def key(record: Record) -> str:
        return repr([record.get(field) for field in identity])

    for wanted in dict.fromkeys(map(key, (*good, *bad))):
        left = [r for r in good if key(r) == wanted]
        right = [r for r in bad if key(r) == wanted]
        for i in range(max(len(left), len(right))):
            yield left[i] if i < len(left) else None, right[i] if i < len(right) else None


def alike(good: object, bad: object, share: float = SAME) -> bool:
    """Whether two settings are the same; numbers up to a relative difference."""
    if isinstance(good, bool) or isinstance(bad, bool):
        return good == bad
    if isinstance(good, int | float) and isinstance(bad, int | float):
        return good == bad or abs(good - bad) <= share * max(abs(good), abs(bad)) or (good != good and bad != bad)
    if isinstance(good, list) and isinstance(bad, list):
        return len(good) == len(bad) and all(map(alike, good, bad))
    if isinstance(good, Mapping) and isinstance(bad, Mapping):
        return good.keys() == bad.keys() and all(alike(good[k], bad[k]) for k in good)
    return good == bad


def place_of(record: Record) -> Location | None:
    """The line of the user's code that a record names first."""
    for prefix in ("", "created_", "step_", "called_"):
        file, line = record.get(f"{prefix}file"), record.get(f"{prefix}line")
        if isinstance(file, str) and isinstance(line, int):
            return Location(file, line)
    return None


def gathered(found: Iterable[Difference]) -> list[Difference]:
    """The same difference at several layers as one."""
    groups: dict[tuple[str, ...], list[Difference]] = {}
    for one in found:
        groups.setdefault((one.group, one.name, repr(one.good), repr(one.bad)), []).append(one)
    merged = []
    for same in groups.values():
        first = same[0]
        where = tuple(dict.fromkeys(name for one in same for name in one.where))
        merged.append(Difference(first.group, first.name, first.good, first.bad, where, first.place, first.counts))
    return merged
