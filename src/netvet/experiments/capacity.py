"""Whether a bit more capacity lowers the training loss."""

from __future__ import annotations

from typing import Any

from torch import nn

from netvet.experiments import paired
from netvet.experiments.arms import curve_of
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab

STEPS = 150
# What is put beside the model; a change of the loss below this share of it is none.
HIDDEN = 128
MATTERS = 0.02
# Where the loss falls to less than this share, it is asked whether it was the width that did it.
BY_FAR = 0.5


@experiment(stage="overfit", title="more capacity lowers the training loss", seconds=15, gate=False)
def capacity(lab: Lab) -> Outcome:
    """Train the network with a plain one of a hidden layer beside it, and see whether the training loss falls further.

    ## Why it matters
    A network that is to overfit needs capacity. If more of it does not lower the training loss, capacity is not what is
    missing; if it lowers it much, make the network wider or deeper before anything is regularised.

    ## How it is done
    The outputs of a plain network with 128 hidden units are added to those of the program's own, with its optimizer and
    its learning rate. It begins with outputs of zero, so that both trainings start from the same loss. Twins at every
    seed; the mean loss of the last fifth of the steps is compared by a paired test. Where the loss falls to less than
    half, a network beside that is only as wide as the narrowest hidden layer of the program's own is tried too: if it
    helps as much, units were not what was missing, but units that learn (dead ones, a broken backward). Advice, if the
    own training leaves more than half of the first loss, the loss is less than half of that with 128 units beside, and
    more than twice as much with as few as the program has.

    ## Known problems
    Within few steps a larger network may not be ahead yet. Networks with several inputs or outputs, graphs and sparse
    inputs are left out.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019), "verify decreasing training loss".
    """
    steps = lab.steps(STEPS, 2 * len(lab.seeds), least=30)
    arms = lab.twins(steps, more={"beside": {"layers": 1, "hidden": HIDDEN}})
    failed = next((r for results in arms.values() for r in results if r.ended == "failed"), None)
    if failed is not None:
        return Outcome("not assessed", f"a copy of the model could not be trained: {failed.error}")
    plain, more = ([r.tail() for r in arms[name]] for name in ("plain", "more"))
    found = paired.compare(more, plain)
    if found is None:
        return Outcome("undetermined", "the trainings diverged, with and without more capacity")
    level, start = sum(plain) / len(plain), sum(r.start for r in arms["plain"]) / len(plain)
    evidence = {"plain": plain, "more": more, "comparison": found.record(), "steps": steps, "start": start}
    evidence["curves"] = {name: curve_of(results) for name, results in arms.items()}
    narrow = _as_narrow(lab, steps) if 0 < sum(more) < BY_FAR * sum(plain) else None
    evidence["as_narrow"] = narrow
    told = f"training loss after {steps} steps {level:.3g}, with more capacity {level + found.effect:.3g}"
    span = f"(difference {found.effect:+.2g}, 95 %: {found.low:+.2g} to {found.high:+.2g})"
    # A net that gets far by itself is only slower than two.
    missing = narrow is not None and level > BY_FAR * start and sum(more) < BY_FAR * sum(narrow)
    if missing and narrow is not None:
        span += f", with a network beside that is as narrow as its own {sum(narrow) / len(narrow):.3g}"
    verdict = found.verdict(less_is_better=True, matters=MATTERS * abs(level))
    return _outcome(verdict, f"{told} {span}", evidence, missing=missing)


def _outcome(verdict: paired.Verdict, told: str, evidence: dict[str, Any], *, missing: bool) -> Outcome:
    """What a difference says; `missing`: it is large, and a network as narrow does not make it."""
    if verdict == "better" and missing:
        order = "Make the network wider or deeper before anything is regularised."
        return Outcome("advice", f"{told}: units are missing", evidence, order, ("insufficient-capacity",))
    if verdict == "better":
        return Outcome("passed", f"{told}: it falls, as it must", evidence)
    told_of = "capacity is not what is missing" if verdict == "no difference" else "it does not say whether it helps"
    return Outcome("undetermined", f"{told}: {told_of}", evidence)


def _as_narrow(lab: Lab, steps: int) -> list[float] | None:
    """Training losses with a network beside that is as wide as the narrowest hidden layer of the program's own."""
    width = narrowest(lab.problem.learner(0).model)
    if width is None:
        return None
    results = lab.twins(steps, plain={"beside": {"layers": 1, "hidden": width}})["plain"]
    return [r.tail() for r in results] if all(r.ended != "failed" for r in results) else None


def narrowest(model: nn.Module) -> int | None:
    """The width of the narrowest hidden layer, as the modules are registered; None where there is none."""
    layers = [m for m in model.modules() if _width(m) is not None]
    return min((width for m in layers[:-1] if (width := _width(m)) is not None), default=None)


def _width(module: nn.Module) -> int | None:
    for name in ("out_features", "out_channels", "hidden_size", "embedding_dim"):
        if isinstance(found := getattr(module, name, None), int):
            return found
    return None
