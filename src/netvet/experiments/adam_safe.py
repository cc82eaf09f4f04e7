"""Whether the program's optimizer does better than the safe start."""

from __future__ import annotations

from netvet.experiments.arms import arms_of, warms_up
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab

STEPS = 300
# Karpathy 2019: "Adam with a learning rate of 3e-4" forgives most.
SAFE = {"name": "Adam", "lr": 3e-4}


@experiment(stage="tune", title="optimizer beside Adam at 3e-4", seconds=10, gate=False)
def adam_safe(lab: Lab) -> Outcome:
    """Train with the program's own optimizer, and on the same batches with Adam at 3e-4.

    ## Why it matters
    Adam at 3e-4 works nearly everywhere without tuning. An optimizer that is slower than it has been badly chosen or
    badly set; one that is faster has earned its place.

    ## How it is done
    The program's optimizer keeps its schedule and clipping; Adam has a constant rate. The losses of the last fifth of
    the steps are compared by a paired test over seeds. A difference below a twentieth of what training takes off the
    loss is none.

    ## Known problems
    Short trainings say nothing of how far each would come in a long one: a tuned SGD often ends ahead of Adam. Frozen
    parameters stay frozen; parameters that the program leaves out of its optimizer on purpose are trained by Adam. A
    warm-up is slow on purpose: no trials are made of which it would take more than half.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019), "adam is safe".
    """
    own = lab.problem.optimizer(lab.problem.learner(0).model)
    if type(own).__name__ == "Adam" and lab.problem.lr == SAFE["lr"] and set(lab.problem.rates) <= {1.0}:
        return Outcome("not assessed", "the program's own optimizer is Adam at 3e-4, which is the safe start")
    steps = lab.steps(STEPS, 2 * len(lab.seeds), least=30)
    if warms_up(lab.problem.rates, steps):
        why = f"the program's learning rate still warms up in the {steps} steps that there is time for"
        return Outcome("not assessed", f"{why} (--budget gives more)")
    arms = arms_of(lab.twins(steps, adam={"optimizer": SAFE, "constant-lr": True}))
    plain, adam = arms["plain"], arms["adam"]
    name, evidence = type(own).__name__, {"steps": steps, "arms": [a.record() for a in arms.values()]}
    told = f"in {steps} steps the program's {name} comes to a loss of {plain.told}, Adam at 3e-4 to {adam.told}"
    if adam.verdict == "better":
        return Outcome("advice", told, evidence, "Begin with Adam at 3e-4 and no schedule, and tune from there.")
    if adam.verdict == "undecided":
        return Outcome("undetermined", f"{told}: the seeds do not agree", evidence)
    return Outcome("passed", told, evidence)
