"""A learning rate that rises from near zero."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.program import Entrusted, Program
from netvet.fixes.source import Editor
from netvet.fixes.trainers import held

# A tenth of the run, at most a thousand steps: between the 2,000 of Adam's second moment (Ma and Yarats 2021) and the
# few hundred that the checks advise.
SHARE, MOST = 0.1, 1000
FIRST = 0.01  # of the rate at the first step

CODE = f'''

def warm_up(optimizer, steps):
    """Let the learning rate rise over the first steps, whatever schedule sets it."""
    taken, rates = 0, []

    def before(optimizer, *_):
        nonlocal taken
        factor = min(1.0, {FIRST} + {1 - FIRST} * taken / steps)
        taken += 1
        rates[:] = [group["lr"] for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] * factor

    def after(optimizer, *_):
        for group, rate in zip(optimizer.param_groups, rates):
            group["lr"] = rate

    optimizer.register_step_pre_hook(before)
    optimizer.register_step_post_hook(after)
    return optimizer


'''


@fix(
    title="the learning rate warmed up",
    mends=(
        "missing-warmup", "lr-too-high", "loss-spikes", "loss-diverges", "huge-updates", "growing-attention-logits",
        "collapsed-attention", "unstable-depth",
    ),
)  # fmt: skip
def warmup(program: Program) -> Iterator[Editor]:
    """Raise the learning rate from a hundredth over the first steps of the run.

    ## What it changes
    A function is added that scales the rate during each of the first steps and puts it back behind it, so that a
    schedule works as before; the optimizer is handed to it where it is made. Of `TrainingArguments`, `warmup_steps`.

    ## Known problems
    A rate that is printed is that of the schedule. A run that is resumed warms up again.

    ## References
    Goyal et al., "Accurate, large minibatch SGD" (2017), section 2.2; Ma and Yarats, "On the adequacy of untuned
    warmup for adaptive optimization" (2021).
    """
    seen = next(iter(program.facts("run")), {}).get("steps") or 0
    first = max(1, min(MOST, round(SHARE * int(seen)) or 100))
    for steps in (first, 3 * first):
        editor = program.editor(f"the learning rate warmed up over {steps} steps")
        files = set()
        try:
            sites = program.optimizers
        except Entrusted:
            sites = []
            for one in held(program, "warmup"):
                one.set(editor, str(steps))
        for site in sites:
            editor.replace(site.file, site.call, f"warm_up({{}}, steps={steps})")
            if site.file.path not in files:
                files.add(site.file.path)
                editor.begin(site.file, CODE)
        yield editor
