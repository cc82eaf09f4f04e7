"""SGD in the place of Adam."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import drop_argument, rename, set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Entrusted, Program, argument
from netvet.fixes.rates import group_rates
from netvet.fixes.source import Editor, NotApplicable
from netvet.fixes.trainers import other_optimizer

# He et al. (2016) train residual nets at 0.1; a tenth suits nets without normalisation.
RATES = ("0.1", "0.01")
ITS_OWN = ("params", "lr", "momentum", "weight_decay", "foreach", "maximize", "fused")


@fix(title="SGD with momentum as optimizer", mends=("unsuitable-optimizer", "overfitting"))
def sgd(program: Program) -> Iterator[Editor]:
    """SGD with Nesterov's momentum in the place of Adam, at 0.1 and at 0.01.

    ## What it changes
    The class and the rate of the optimizer; arguments that SGD does not know are dropped.

    ## References
    Wilson et al., "The marginal value of adaptive gradient methods in machine learning" (2017).
    """
    for rate in RATES:
        editor = program.editor(f"SGD with learning rate {rate}")
        try:
            sites = program.optimizers
        except Entrusted:
            if any(r.get("cls") == "SGD" for r in program.facts("optimizers")):
                raise NotApplicable("the optimizer is SGD already") from None
            other_optimizer(program, editor, "SGD", rate)
            sites = []
        for site in sites:
            if site.record.get("cls") == "SGD":
                raise NotApplicable("the optimizer is SGD already")
            if any(a.keyword is None for a in site.call.args[2:]) or any(True for _ in group_rates(site)):
                raise NotApplicable("the optimizer is given arguments without names, or rates by group")
            rename(editor, site, "SGD", "torch.optim")
            set_argument(editor, site, "lr", rate, 1)
            others = [a.keyword.value for a in site.call.args if a.keyword and a.keyword.value not in ITS_OWN]
            if others:
                drop_argument(editor, site, *others)
            if argument(site.call, "momentum") is None:
                set_argument(editor, site, "momentum", "0.9")
            set_argument(editor, site, "nesterov", "True")
        yield editor
