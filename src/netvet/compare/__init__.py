"""A bad run against a good one: what was set differently, where the signals part, which findings are new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netvet.compare import structure
from netvet.compare.pairing import Pairing, pair_modules, pair_parameters
from netvet.compare.parting import WATCHED, Bitwise, Order, Parting, beyond_noise, bitwise, paired, pairing_of
from netvet.compare.settings import Difference, gathered, settings
from netvet.core import Check, Facts, LayerSeries, Record
from netvet.diagnose import Reported, Settings, SignalSource, diagnose

__all__ = ["Comparison", "Difference", "Parting", "compare"]

_FACTS = (
    "run", "environment", "seeds", "optimizers", "schedulers", "losses", "clips", "scalers", "precision", "loaders",
    "inputs", "targets", "calls", "backwards", "checkpoints", "replicas", "modules", "parameters", "graph",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """What tells a bad run from a good one.

    Args:
        settings: what was set differently.
        bitwise: how far the runs are equal to the last bit; None where they do not begin alike.
        parted: the series that leave the good run beyond the noise of seeds, earliest first.
        compared: how many series were compared; runs: how many good runs.
        new: findings of the bad run only; gone: of the good run only.
        modules, parameters: which layer is which.
        problems: what limits the comparison, in sentences.
    """

    settings: tuple[Difference, ...]
    bitwise: Bitwise | None
    parted: tuple[Parting, ...]
    compared: int
    runs: int
    new: tuple[Reported, ...]
    gone: tuple[Reported, ...]
    modules: Pairing
    parameters: Pairing
    problems: tuple[str, ...]

    @property
    def different(self) -> bool:
        """Whether something that trains differently was set, the signals part, or a new finding is an error.

        Warnings come and go between seeds where a run is close to a limit.
        """
        grave = [f for f in self.new if f.allowed is None and f.severity == "error"]
        return bool(self.parted or grave or any(one.counts for one in self.settings))


class _Loaded:
    """What is compared of one run."""

    def __init__(self, run: SignalSource) -> None:
        found = {name: run.get(name) for name in _FACTS}
        self.facts = {name: facts for name, facts in found.items() if isinstance(facts, Facts)}
        series = {name: run.get(name) for name in WATCHED}
        self.signals = {name: layers for name, layers in series.items() if isinstance(layers, LayerSeries)}

    def records(self, signal: str) -> Sequence[Record]:
        return self.facts.get(signal, Facts())


def compare(
    good: SignalSource,
    bad: SignalSource,
    checks: Sequence[Check],
    chosen: Settings | None = None,
    *,
    noise: Sequence[SignalSource] = (),
) -> Comparison:
    """Compare a bad run with a good one.

    Args:
        good: a run as it should be.
        bad: the run in question.
        checks: to diagnose both with.
        chosen: their settings.
        noise: more runs that differ from the good one by nothing but their seed: they show how much seeds matter.
    """
    left, right, others = _Loaded(good), _Loaded(bad), [_Loaded(one) for one in noise]
    modules, parameters = _pairings(left, right)
    found = list(_settings(left, right, modules, parameters))
    goods = [left, *others]
    pairings = [pairing_of(*_pairings(one, right)) for one in goods]
    order = Order(right.records("modules"), right.records("parameters"))
    pairs = paired([one.signals for one in goods], right.signals, pairings, order)
    alone = pairs if not others else paired([left.signals], right.signals, pairings[:1], order)
    shapes = {str(r.get("name")): list(r.get("shape") or ()) for r in right.records("parameters")}
    plateau = any(r.get("needs_metric") for one in (left, right) for r in one.records("schedulers"))
    new, gone = _findings(diagnose(good, checks, chosen).findings, diagnose(bad, checks, chosen).findings)
    return Comparison(
        settings=tuple(gathered(found)),
        bitwise=bitwise(alone),
        parted=tuple(beyond_noise(pairs, shapes, plateau=plateau)),
        compared=len(pairs),
        runs=len(goods),
        new=new,
        gone=gone,
        modules=modules,
        parameters=parameters,
        problems=tuple(_problems(goods, right, len(pairs))),
    )


def _pairings(good: _Loaded, bad: _Loaded) -> tuple[Pairing, Pairing]:
    modules = pair_modules(good.records("modules"), bad.records("modules"))
    return modules, pair_parameters(good.records("parameters"), bad.records("parameters"), modules.pairs)


def _settings(good: _Loaded, bad: _Loaded, modules: Pairing, parameters: Pairing) -> Sequence[Difference]:
    return [
        *settings(good.facts, bad.facts),
        *_rates(good, bad),
        *structure.data(good.facts, bad.facts),
        *structure.modules(good.records("modules"), bad.records("modules"), modules),
        *structure.parameters(good.records("parameters"), bad.records("parameters"), parameters),
        *_operations(good, bad),
    ]


def _operations(good: _Loaded, bad: _Loaded) -> Sequence[Difference]:
    if "graph" in good.facts and "graph" in bad.facts:
        return list(structure.operations(good.facts["graph"], bad.facts["graph"]))
    return []


def _rates(good: _Loaded, bad: _Loaded) -> Sequence[Difference]:
    """The learning rates of the first step: what the optimizers hold at the end may be the end of a schedule."""
    left, right = (list(one.signals.get("lr", LayerSeries({})).items()) for one in (good, bad))
    found = []
    for (_, a), (key, b) in zip(left, right, strict=False):
        if len(a) and len(b) and abs(a.values[0] - b.values[0]) > 1e-9 * abs(a.values[0]):
            name = "learning rate" + (f" ({key})" if len(right) > 1 else "")
            found.append(Difference("optimizer", name, float(a.values[0]), float(b.values[0])))
    return found


def _findings(good: Sequence[Reported], bad: Sequence[Reported]) -> tuple[tuple[Reported, ...], tuple[Reported, ...]]:
    """Findings whose check fired in one of the two runs only."""
    names = [{one.check.name for one in findings} for findings in (good, bad)]
    new = tuple(one for one in bad if one.check.name not in names[0])
    return new, tuple(one for one in good if one.check.name not in names[1])


def _problems(goods: Sequence[_Loaded], bad: _Loaded, compared: int) -> Sequence[str]:
    found = []
    if not compared:
        found.append("no signal was recorded in all of the runs: only what was set could be compared")
    for number, one in enumerate(goods[1:], 1):
        differing = [d.name for d in gathered(_settings(goods[0], one, *_pairings(goods[0], one))) if d.counts]
        if differing:
            found.append(
                f"run {number} of --noise differs from the good run by more than its seed: {', '.join(differing[:3])}"
            )
    for words, one in (("good", goods[0]), ("bad", bad)):
        if any(r.get("ended") is None for r in one.records("run")):
            found.append(f"the {words} run has no end (killed, or still running): what it would have done is not there")
    steps = [max((int(r.get("steps") or 0) for r in one.records("run")), default=0) for one in (goods[0], bad)]
    if min(steps) and steps[0] != steps[1]:
        found.append(f"the good run has {steps[0]:,} steps, the bad one {steps[1]:,}: later ones have no counterpart")
    return found
