"""Random search over the settings of a training, by Optuna: its storage, its pruner, its importances."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netvet.core import NetvetError
from netvet.experiments.arms import arms_of
from netvet.experiments.lab import Lab, OutOfTime
from netvet.experiments.layers import dropout_of
from netvet.experiments.trial import Result, Trial

if TYPE_CHECKING:
    import optuna

# Rates and decays that are in use, for SGD as for Adam; far ends of them cost a quarter of a trial each.
RATES, DECAYS = (1e-5, 1.0), (1e-6, 1e-1)
OPTIMIZERS = ("SGD", "Adam", "AdamW", "RMSprop")
MOMENTUM = 0.9
MAX_DROPOUT = 0.6
# Warm-up, as a share of the steps.
WARMUPS = (0.0, 0.05, 0.2)
STEPS, LEAST = 400, 40
# A trial that is worse than most after this share of its steps is given up.
RUNG = 0.25
# Importances of fewer trials are noise.
MIN_COMPLETE = 8

Params = Mapping[str, Any]


@dataclass(frozen=True)
class Attempt:
    """Settings that were tried: `loss` on held-out data, None where the trial was given up (`state` says how)."""

    number: int
    params: Params
    state: str
    loss: float | None
    score: float | None = None


@dataclass(frozen=True)
class Tuned:
    """What a search has found.

    Args:
        attempts: the best first, those that were given up last.
        steps: of a trial with the program's own batch size.
        importance: share of each setting in the variation of the loss; empty for too few trials.
        own, best: held-out loss of the program's own settings and of the best ones, over other seeds.
        verdict: of a paired test between these two; None where no trial was completed.
    """

    attempts: tuple[Attempt, ...]
    steps: int
    importance: Mapping[str, float]
    own: float | None = None
    best: float | None = None
    verdict: str | None = None

    def record(self) -> dict[str, Any]:
        """JSON types."""
        return asdict(self)


def search(
    lab: Lab, trials: int, storage: Path, tell: Callable[[str], None] = lambda line: None, *, jobs: int = 1
) -> Tuned:
    """Search until there are so many trials or the time is used up; those in the storage count.

    Args:
        lab: does the trials.
        trials: how many in all.
        storage: file of Optuna's journal; a search that was broken off goes on.
        tell: called after each round of trials.
        jobs: trials in a round, which are done at a time.

    Raises:
        NetvetError: Optuna is not installed, or copies cannot be trained.
    """
    study = _study(storage)
    known = study.user_attrs.get("steps")
    # Beside the trials: the rung of each, and at the end two settings at each seed.
    rounds = math.ceil(trials / jobs)
    steps = known or lab.steps(STEPS, math.ceil(rounds * (1 + RUNG)) + 2 * len(lab.seeds), least=LEAST)
    study.set_user_attr("steps", steps)
    reserved = 2 * len(lab.seeds) * steps * lab.step_seconds
    while len(_ended(study)) < trials and lab.seconds_left > reserved:
        count = min(jobs, trials - len(_ended(study)))
        try:
            _round(lab, study, [study.ask() for _ in range(count)], steps)
        except OutOfTime:  # what was tried before counts
            break
        tell(_told(study, trials))
    attempts = _attempts(study)
    found = Tuned(attempts, steps, _importance(study))
    return _against_own(lab, found) if attempts and attempts[0].loss is not None else found


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise NetvetError("tuning needs Optuna: pip install 'netvet[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _study(storage: Path) -> optuna.Study:
    found = _optuna()
    storage.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that something is experimental is for us to know
        backend = found.storages.journal.JournalFileBackend(str(storage))
        made: optuna.Study = found.create_study(
            storage=found.storages.JournalStorage(backend), study_name="netvet", load_if_exists=True,
            pruner=found.pruners.MedianPruner(n_startup_trials=5),
        )  # fmt: skip
        # A search that goes on must not draw the same numbers again.
        made.sampler = found.samplers.RandomSampler(seed=len(made.trials))
    return made


def suggest(trial: optuna.Trial, lab: Lab) -> dict[str, Any]:
    """Draw settings: those that this program has."""
    data, size = lab.problem.train, lab.problem.train.batch_size
    drawn: dict[str, Any] = {
        "optimizer": trial.suggest_categorical("optimizer", OPTIMIZERS),
        "lr": trial.suggest_float("lr", *RATES, log=True),
        "weight_decay": trial.suggest_float("weight_decay", *DECAYS, log=True),
        "warmup": trial.suggest_categorical("warmup", WARMUPS),
    }
    sizes = [s for s in (size // 2, size, 2 * size, 4 * size) if 0 < s <= (data.size or 0) // 2] if size else []
    if len(sizes) > 1:
        drawn["batch_size"] = trial.suggest_categorical("batch_size", sizes)
    if any(dropout_of(m) is not None for m in lab.problem.learner(0).model.modules()):
        drawn["dropout"] = trial.suggest_float("dropout", 0.0, MAX_DROPOUT)
    return drawn


def trial_of(params: Params, steps: int, seed: int, size: int | None, share: float = 1.0) -> Trial:
    """Training with these settings, on as many samples as with the program's own batch size.

    Args:
        params: as `suggest` draws them.
        steps: with the program's own batch size, which is `size`.
        seed: of the trial.
        share: of the samples, for a first look.
    """
    options = {"name": params["optimizer"], "lr": params["lr"], "weight_decay": params["weight_decay"]}
    if params["optimizer"] == "SGD":
        options["momentum"] = MOMENTUM
    changes: dict[str, Any] = {"optimizer": options, "constant-lr": True}
    count = steps
    if "batch_size" in params and size:
        changes["batch-size"] = params["batch_size"]
        count = max(1, round(steps * size / params["batch_size"]))
    if "dropout" in params:
        changes["dropout"] = params["dropout"]
    if params["warmup"]:
        changes["warmup"] = max(1, round(params["warmup"] * count))
    return Trial(max(1, round(share * count)), seed, changes)


def held_out(result: Result) -> float:
    """Loss on validation data; infinite where the training has diverged."""
    if result.ended == "failed":
        raise NetvetError(f"a copy of the model could not be trained: {result.error}")
    loss = result.val.loss if result.val is not None and result.ended != "diverged" else math.inf
    return loss if math.isfinite(loss) else math.inf


def _round(lab: Lab, study: optuna.Study, asked: Sequence[optuna.Trial], steps: int) -> None:
    """A first look with a share of the steps, then the whole for those that the pruner does not give up."""
    states = _optuna().trial.TrialState
    size, seed = lab.problem.train.batch_size, lab.seeds[0]
    drawn = {trial.number: suggest(trial, lab) for trial in asked}
    looks = lab.run([trial_of(drawn[trial.number], steps, seed, size, RUNG) for trial in asked])
    going = []
    for trial, look in zip(asked, looks, strict=True):
        loss = held_out(look)
        if math.isfinite(loss):
            trial.report(loss, 1)
        if not math.isfinite(loss) or trial.should_prune():
            study.tell(trial, state=states.PRUNED)
        else:
            going.append(trial)
    results = lab.run([trial_of(drawn[trial.number], steps, seed, size) for trial in going])
    for trial, result in zip(going, results, strict=True):
        loss = held_out(result)
        if not math.isfinite(loss):
            study.tell(trial, state=states.PRUNED)
            continue
        trial.set_user_attr("score", result.val.score if result.val is not None else None)
        study.tell(trial, loss)


def _ended(study: optuna.Study) -> list[Any]:
    """Trials that came to an end; one that a killed process was at does not count."""
    return [t for t in study.trials if t.state.name in ("COMPLETE", "PRUNED")]


def _attempts(study: optuna.Study) -> tuple[Attempt, ...]:
    found = []
    for t in _ended(study):
        complete = t.state.name == "COMPLETE"  # Optuna takes the last look for the value of one that was given up
        state, value = ("complete", t.value) if complete else ("given up", None)
        found.append(Attempt(t.number, t.params, state, value, t.user_attrs.get("score")))
    return tuple(sorted(found, key=lambda a: math.inf if a.loss is None else a.loss))


def _told(study: optuna.Study, trials: int) -> str:
    best = next(iter(_attempts(study)), None)
    told = f", the best loss {best.loss:.4g}" if best is not None and best.loss is not None else ""
    return f"trial {len(_ended(study))} of {trials}{told}"


def _importance(study: optuna.Study) -> dict[str, float]:
    complete = [t for t in study.trials if t.state.name == "COMPLETE"]
    if len(complete) < MIN_COMPLETE:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Losses of bad settings are many times those of good ones: their logarithm keeps them from deciding alone.
            found: dict[str, float] = _optuna().importance.get_param_importances(
                study, target=lambda t: math.log(max(t.value, 1e-12))
            )
        except (RuntimeError, ValueError):  # all losses are the same
            return {}
    return found


def _against_own(lab: Lab, found: Tuned) -> Tuned:
    """The best settings beside the program's own: over seeds, of which the search has seen only one."""
    size, best = lab.problem.train.batch_size, found.attempts[0].params
    seeds = [seed + 1 for seed in lab.seeds]
    try:
        own = lab.run([Trial(found.steps, seed) for seed in seeds])
        tuned = lab.run([trial_of(best, found.steps, seed, size) for seed in seeds])
    except OutOfTime:
        return found
    arms = arms_of({"plain": own, "best": tuned}, held_out)
    plain, other = arms["plain"], arms["best"]
    return Tuned(found.attempts, found.steps, found.importance, plain.mean, other.mean, other.verdict)
