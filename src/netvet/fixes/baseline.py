"""The mean reward as the baseline of a policy gradient."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.loops import assignments, names, receiver
from netvet.fixes.program import Program, Site
from netvet.fixes.samples import unused
from netvet.fixes.source import Editor, NotApplicable, called, inside


@fix(
    title="the mean reward as a baseline",
    mends=("noisy-gradient", "noisy-loss", "too-small-batch"),
    changes_loss=True,
)
def baseline(program: Program) -> Iterator[Editor]:
    """Subtract the mean reward of the batch in a policy gradient; then divide by its standard deviation, too.

    ## What it changes
    The factor of `log_prob(...)` in the loss: `advantages`, from a line before, takes the place of `rewards`.

    ## Known problems
    Batches of few samples have a mean that is noisy itself; a value net, or a mean over the run, is the better
    baseline there.

    ## References
    Williams, "Simple statistical gradient-following algorithms" (1992), section 4; Sutton and Barto, "Reinforcement
    learning" (2018), section 13.4.
    """
    found = [pair for backward in program.backwards for pair in _factors(backward)]
    if not found:
        raise NotApplicable("no loss is the product of a log_prob and a reward")
    for scale in ("", " / ({0}.std() + 1e-8)"):
        editor = program.editor("the mean reward subtracted" + (", divided by the deviation" if scale else ""))
        given: dict[str, str] = {}
        for site, factor in found:
            code = site.code(factor)
            if code not in given:
                given[code] = unused(site.file, "advantages" if not given else f"advantages_{len(given) + 1}")
                centred = f"({code} - {code}.mean())" if scale else f"{code} - {code}.mean()"
                editor.insert(site.file, factor, before=f"{given[code]} = {centred}{scale.format(code)}\n")
            editor.replace(site.file, factor, given[code])
        yield editor


def _factors(backward: Site) -> list[tuple[Site, cst.BaseExpression]]:
    """What a log-probability is multiplied with in the loss, where nothing has been subtracted from it."""
    loss: cst.BaseExpression = receiver(backward)
    if isinstance(loss, cst.Name):
        made = assignments(backward.file, backward.call, loss.value)
        if not made:
            raise NotApplicable("the line that makes the loss is not found")
        loss = made[0].value
    found: list[tuple[Site, cst.BaseExpression]] = []
    for one in inside(loss, cst.BinaryOperation):
        if not isinstance(one.operator, cst.Multiply):
            continue
        for side, other in ((one.left, one.right), (one.right, one.left)):
            if _is_log_prob(backward, side) and isinstance(other, (cst.Name, cst.Attribute)):
                _check_plain(backward, other)
                found.append((backward, other))
    return found


def _is_log_prob(backward: Site, node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Name):
        made = assignments(backward.file, backward.call, node.value)
        return bool(made) and _is_log_prob(backward, made[0].value) and not names(made[0].value) & {node.value}
    return any(called(c) == "log_prob" for c in inside(node, cst.Call))


def _check_plain(backward: Site, factor: cst.BaseExpression) -> None:
    if any(True for _ in backward.file.around(factor, cst.GeneratorExp, cst.ListComp, cst.Lambda)):
        raise NotApplicable(f"{backward.code(factor)} is the reward of one step, whose mean is itself")
    made = assignments(backward.file, backward.call, backward.code(factor))
    for one in made[:1]:
        operations = inside(one.value, cst.BinaryOperation)
        if any(isinstance(o.operator, cst.Subtract) for o in operations):
            raise NotApplicable(f"something is subtracted from {backward.code(factor)} already")
