"""Where experiments have their trials done: within a budget, on workers, and not twice."""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.experiments.executors import Workers
from netvet.experiments.problem import Problem
from netvet.experiments.trial import Result, Scored, Trial, run_trial

Told = Callable[[str], None]


class Lab:
    """Does trials of one problem.

    Args:
        problem: what is experimented with.
        seconds: for all experiments together.
        seeds: of twins, at least two.
        workers: where trials run.
        journal: file in which results are kept; those that are in it already are not done again.
        tell: called with a line of progress.
    """

    def __init__(
        self,
        problem: Problem,
        *,
        seconds: float = 600.0,
        seeds: Sequence[int] = (0, 1, 2),
        workers: Workers | None = None,
        journal: Path | None = None,
        tell: Told | None = None,
    ) -> None:
        self.problem = problem
        self.seeds = tuple(seeds)
        self._workers = workers or Workers(None, 1)
        self._until = perf_counter() + seconds
        self._own_until = math.inf
        self._tell = tell or (lambda line: None)
        self._journal = journal
        self._known = _read(journal)
        self._sent: Path | None = None
        self.trials = 0
        self._step_seconds: float | None = None

    @property
    def seconds_left(self) -> float:
        """Until the budget of this experiment, or that of all, is used up."""
        return max(0.0, min(self._until, self._own_until) - perf_counter())

    def allow(self, seconds: float) -> None:
        """The budget of the experiment that follows."""
        self._own_until = perf_counter() + seconds

    @property
    def step_seconds(self) -> float:
        """What a training step takes here, the making of the trial included; measured once, after one to warm up."""
        if self._step_seconds is None:
            run_trial(self.problem, Trial(steps=1, scores=False))
            began = perf_counter()
            result = run_trial(self.problem, Trial(steps=5, scores=False))
            if result.ended == "failed":
                raise NetvetError(f"a copy of the model cannot be trained: {result.error}")
            self._step_seconds = max((perf_counter() - began) / 5, 1e-5)
        return self._step_seconds

    def steps(self, wanted: int, trials: int, *, least: int = 10, share: float = 0.8) -> int:
        """How many steps each of so many trials may take within what is left; at least `least`."""
        affordable = share * self.seconds_left / max(trials, 1) / self.step_seconds
        return max(least, min(wanted, int(affordable)))

    def twins(self, steps: int, **changes: Mapping[str, Any]) -> dict[str, list[Result]]:
        """The unchanged training and each change, at every seed.

        Args:
            changes: changes by a name of the caller's; `plain` is what nothing is changed in, unless it is given.

        Returns:
            Results by name, in the order of the seeds.
        """
        arms = {"plain": {}, **changes} if "plain" not in changes else dict(changes)
        trials = [Trial(steps, seed, dict(arm)) for arm in arms.values() for seed in self.seeds]
        results = self.run(trials)
        count = len(self.seeds)
        return {name: results[i * count : (i + 1) * count] for i, name in enumerate(arms)}

    def run(self, trials: Sequence[Trial]) -> list[Result]:
        """Do trials, in any order; results in the order that was asked for."""
        missing = [t for t in dict.fromkeys(t.key for t in trials) if t not in self._known]
        by_key = {t.key: t for t in trials}
        if missing:
            self._do([by_key[key] for key in missing])
        return [self._known[t.key] for t in trials]

    def _do(self, trials: Sequence[Trial]) -> None:
        each = max(1.0, self.seconds_left)
        where = str(self._send()) if self._workers.elsewhere else None
        calls = [(where, self.problem if where is None else None, trial, each) for trial in trials]
        for number, result in self._workers.run(calls, do_trial):
            if isinstance(result, NetvetError):
                raise result
            if isinstance(result, Exception):
                result = Result((), "failed", 0.0, error=f"its worker was lost: {type(result).__name__}")
            self.trials += 1
            self._keep(trials[number].key, result)
            self._tell(f"trial {self.trials}, {self.seconds_left:.0f} s left")

    def _keep(self, key: str, result: Result) -> None:
        self._known[key] = result
        if self._journal is not None and result.ended != "time":
            self._journal.parent.mkdir(parents=True, exist_ok=True)
            with self._journal.open("a") as file:
                file.write(json.dumps([key, asdict(result)]) + "\n")

    def _send(self) -> Path:
        """Write the problem where workers find it; once."""
        if self._sent is None:
            try:
                import cloudpickle  # type: ignore[import-untyped]
            except ImportError as error:
                raise NetvetError("trials in other processes need: pip install 'netvet[recipe]'") from error
            try:
                content = cloudpickle.dumps(self.problem)
            except Exception as error:
                raise NetvetError(f"the model cannot be sent to other processes ({error}); leave out --jobs") from error
            folder = self._journal.parent if self._journal is not None else Path(tempfile.mkdtemp(prefix="netvet-"))
            folder.mkdir(parents=True, exist_ok=True)
            self._sent = folder / f"problem-{hashlib.sha256(content).hexdigest()[:16]}.pickle"
            self._sent.write_bytes(content)
        return self._sent

    def close(self) -> None:
        """Delete what was written for the workers."""
        if self._sent is not None:
            self._sent.unlink(missing_ok=True)


def do_trial(where: str | None, problem: Problem | None, trial: Trial, seconds: float) -> Result:
    """One trial, on whatever machine."""
    return run_trial(problem if problem is not None else _received(str(where)), trial, seconds)


@lru_cache(maxsize=1)
def _received(where: str) -> Problem:
    import cloudpickle

    found: Problem = cloudpickle.loads(Path(where).read_bytes())
    return found


def _read(journal: Path | None) -> dict[str, Result]:
    """Results of a study that was broken off; a line that was not written to its end is left out."""
    found: dict[str, Result] = {}
    if journal is None or not journal.exists():
        return found
    for line in journal.read_text().splitlines():
        try:
            key, plain = json.loads(line)
        except ValueError:
            continue
        scores = {n: Scored(**plain[n]) if plain[n] is not None else None for n in ("train", "val")}
        found[key] = Result(**{**plain, **scores, "losses": tuple(plain["losses"])})
    return found


def digest(problem: Problem) -> str:
    """The same for the same program: of its initial weights, its first batch, and what one step makes of them."""
    found = hashlib.sha256()
    learner = problem.learner(0)
    with forked_rng():
        torch.manual_seed(0)
        optimizer = problem.optimizer(learner.model)
        batch = problem.train.batches[0]
        loss, _ = learner.step(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    for tensor in (*batch.values(), *learner.model.state_dict().values(), loss):
        if isinstance(tensor, torch.Tensor):
            found.update(tensor.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()[:16]
