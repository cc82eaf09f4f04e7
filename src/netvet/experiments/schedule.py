"""Whether the schedule takes the learning rate away while there is still something to learn."""

from __future__ import annotations

from netvet.experiments.arms import arms_of
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab

STEPS = 1000
# A schedule of fewer steps than this cannot be told from its warm-up.
LEAST = 20
# What the rate must fall to, as a share of its peak, to be taken away.
FALLEN = 0.5


@experiment(stage="tune", title="schedule of the learning rate", seconds=20, gate=False)
def schedule(lab: Lab) -> Outcome:
    """Train with the program's schedule, with one that decays half as fast, and with a rate that stays at its peak.

    ## Why it matters
    Schedules are copied with the number of epochs of another data set: on a smaller one the rate is next to nothing
    before the network has learned, and the rest of the run is wasted.

    ## How it is done
    The rates of the recorded steps are followed, over the same steps in all three arms, with the program's warm-up.
    A schedule that is longer than there is time for is run through faster, which the message says. The losses of the
    last tenth of the steps are compared by a paired test over seeds; a difference below a twentieth of what training
    takes off the loss is none.

    ## Known problems
    Recorded steps may end before the run does: what the schedule does after them is not judged. A decay is meant to
    settle on held-out data, which a lower training loss does not show: where the arms are alike, the schedule is right.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019), "do not trust learning rate decay defaults".
    """
    rates = lab.problem.rates
    if not rates or min(rates) == max(rates):
        return Outcome("not assessed", "the learning rate is constant: there is no schedule")
    if len(rates) < LEAST:
        return Outcome("not assessed", f"only {len(rates)} steps of the schedule were recorded")
    if rates[-1] > FALLEN * max(rates):
        return Outcome("not assessed", "the learning rate does not fall in the steps that were recorded")
    steps = lab.steps(min(STEPS, len(rates)), 3 * len(lab.seeds), least=LEAST)
    speed = len(rates) / steps
    paces = {"plain": 1.0, "longer": 0.5, "constant": 0.0}
    changes = {name: {"schedule-pace": {"speed": speed, "pace": pace}} for name, pace in paces.items()}
    arms = arms_of(lab.twins(steps, **changes), lambda result: result.tail(0.1))
    evidence = {"steps": steps, "rates": list(rates[:: max(1, len(rates) // 200)])}
    evidence["arms"] = [arm.record() for arm in arms.values()]
    told = f"after {steps} steps the loss is {arms['plain'].told} with the program's schedule, {arms['longer'].told} "
    told += f"with a decay half as fast, {arms['constant'].told} with none"
    told += f" (the schedule was run through {speed:.1f} times as fast)" if speed > 1 else ""
    better = [name for name in ("longer", "constant") if arms[name].verdict == "better"]
    if better:
        low = next(i for i, rate in enumerate(rates) if i > rates.index(max(rates)) and rate <= FALLEN * max(rates))
        advice = f"Let the learning rate stay up for longer: it has halved at step {low} of {len(rates)}."
        return Outcome("advice", told, evidence, advice, ("lr-decays-early",))
    if any(arms[name].verdict == "undecided" for name in ("longer", "constant")):
        return Outcome("undetermined", f"{told}: the seeds do not agree", evidence)
    return Outcome("passed", told, evidence)
