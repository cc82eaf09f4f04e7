"""One learning rate for all parameter groups."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.rates import group_rates
from netvet.fixes.source import Editor, NotApplicable

# Rates of layers that are tuned on purpose differ by less: backbone and head by a factor of ten.
FACTOR = 30.0


@fix(
    title="one learning rate for all parameter groups",
    mends=("lr-too-high", "lr-too-low", "skewed-weight-variance", "growing-weights", "huge-updates", "dead-relu"),
)
def same_rate(program: Program) -> Iterator[Editor]:
    """Give parameter groups whose rates are far apart the lowest of them, then the highest.

    ## What it changes
    The `lr` of the groups in which it is a number, where that is 30 times that of another group or more.

    ## Known problems
    A small rate for pretrained layers is meant to be one: the second variant undoes it.

    ## References
    Howard and Ruder, "Universal Language Model Fine-tuning" (2018), section 3.2: rates of neighbouring layers differ by
    a factor of 2.6.
    """
    site = program.optimizer
    rates = [float(group["lr"]) for group in site.record.get("groups") or () if group.get("lr")]
    written = list(group_rates(site))
    if len(written) != len(rates) or len(rates) < 2:
        raise NotApplicable("no rates of parameter groups stand where the optimizer is made")
    if max(rates) < FACTOR * min(rates):
        raise NotApplicable("the rates of the parameter groups are not far apart")
    for rate, name in ((min(rates), "lowest"), (max(rates), "highest")):
        editor = program.editor(f"the {name} rate for all parameter groups")
        chosen = site.code(written[rates.index(rate)])
        for value, own in zip(written, rates, strict=True):
            if own != rate:
                editor.replace(site.file, value, chosen)
        yield editor
