"""Adam in the place of another optimizer."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import drop_argument, rename, set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Entrusted, Program, argument
from netvet.fixes.rates import group_rates
from netvet.fixes.source import Editor, NotApplicable
from netvet.fixes.trainers import other_optimizer

# Karpathy 2019: "Adam with a learning rate of 3e-4 is safe"; 1e-3 is its default and suits small nets.
RATES = ("1e-3", "3e-4")
ITS_OWN = ("lr", "weight_decay", "betas", "eps", "amsgrad", "foreach", "fused", "maximize", "capturable")


@fix(
    title="Adam as optimizer",
    mends=("unsuitable-optimizer", "loss-flat", "tiny-updates", "vanishing-gradient", "lr-too-low", "noisy-gradient"),
)
def adam(program: Program) -> Iterator[Editor]:
    """AdamW in the place of another optimizer, at 1e-3 and at 3e-4.

    ## What it changes
    The class and the rate of the optimizer; arguments that Adam does not know are dropped.

    ## References
    Kingma and Ba, "Adam" (2015); Loshchilov and Hutter, "Decoupled weight decay regularization" (2019). Karpathy, "A
    Recipe for Training Neural Networks" (2019).
    """
    for rate in RATES:
        editor = program.editor(f"AdamW with learning rate {rate}")
        try:
            sites = program.optimizers
        except Entrusted:
            if any("adam" in str(r.get("cls")).lower() for r in program.facts("optimizers")):
                raise NotApplicable("the optimizer is Adam already") from None
            other_optimizer(program, editor, "AdamW", rate)
            sites = []
        for site in sites:
            if "adam" in str(site.record.get("cls")).lower():
                raise NotApplicable("the optimizer is Adam already")
            if any(a.keyword is None for a in site.call.args[2:]) or any(True for _ in group_rates(site)):
                raise NotApplicable("the optimizer is given arguments without names, or rates by group")
            rename(editor, site, "AdamW", "torch.optim")
            set_argument(editor, site, "lr", rate, 1)
            others = [a.keyword.value for a in site.call.args if a.keyword and a.keyword.value not in ITS_OWN]
            others = [name for name in others if name != "params"]
            if others:
                drop_argument(editor, site, *others)
            if argument(site.call, "weight_decay") is None:
                set_argument(editor, site, "weight_decay", "0")
        yield editor
