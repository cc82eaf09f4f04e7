"""Where experiments have their trials done: within a budget, on workers, and not twice."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path
from time import perf_counter, time
from typing import Any

import torch

import netvet
from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.executors import Shared, Workers
from netvet.experiments.problem import Problem, seed_all
from netvet.experiments.sending import content_of
from netvet.experiments.trial import Result, Scored, Trial, is_memory, run_trial

Told = Callable[[str], None]
# A trial may outlast the time of its experiment by as much again, at the cost of those that follow: a wrong estimate
# of what a step takes is no reason to throw a result away.
GRACE = 1.0
# Of its time, what the steps of an experiment may take: trials score and make their models too.
SHARE = 0.8
# Steps that are timed, as far as they fit into so many seconds; the first warms up.
TIMED, TIMED_SECONDS = 8, 1.0


class OutOfTime(NetvetError):
    """An experiment cannot be done in the time that it has; there may be more for it when others have ended."""


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
        self._own_until = self._trial_until = math.inf
        self._tell = tell or (lambda line: None)
        self._journal = journal
        self._known = _read(journal)
        self._sent: Shared | None = None
        self.trials = self.taken = 0
        self._first: Result | None = None
        self.kept: dict[str, int] = {}

    @property
    def seconds_left(self) -> float:
        """Until the budget of this experiment, or that of all, is used up."""
        return max(0.0, min(self._until, self._own_until) - perf_counter())

    @property
    def budget_left(self) -> float:
        """Until the budget of all is used up."""
        return max(0.0, self._until - perf_counter())

    def allow(self, seconds: float) -> None:
        """The budget of the experiment that follows."""
        self._own_until = perf_counter() + seconds
        self._trial_until = self._own_until + GRACE * seconds

    @property
    def step_seconds(self) -> float:
        """What a training step takes here, measured once; what a trial costs beside its steps does not count."""
        first = self.first_steps
        return max(first.seconds if first.step_seconds is None else first.step_seconds, 1e-5)

    @property
    def first_steps(self) -> Result:
        """The first steps of the program with seed 0, as many as one second holds, eight at most; taken once.

        Raises:
            NetvetError: they cannot be taken.
        """
        if self._first is None:
            trial = Trial(steps=TIMED, scores=False)
            found = run_trial(self.problem, trial, TIMED_SECONDS)
            if found.ended == "time" and len(found.losses) < 2:  # making the model took most of it
                found = run_trial(self.problem, replace(trial, steps=2))
            if found.ended == "failed":
                raise NetvetError(f"a copy of the model cannot be trained: {found.error}")
            self._first = found
        return self._first

    def steps(self, wanted: int, trials: int, *, least: int = 10, share: float = SHARE) -> int:
        """How many steps each of so many trials may take within what is left; at least `least`.

        Raises:
            OutOfTime: not even half of `least` can be afforded: what is left is for other experiments.
        """
        each = self.seconds_left / max(trials, 1) / self.step_seconds
        # A smaller share is a wish; a few steps may take all that there is.
        if max(share, SHARE) * each < least / 2:
            needed = least * trials * self.step_seconds
            raise OutOfTime(
                f"{trials} trials of {least} steps take about {needed:.0f} s, and there are "
                f"{share * self.seconds_left:.0f} s for them (--budget gives more)"
            )
        return max(least, min(wanted, int(share * each)))

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
        """Do trials, in any order; results in the order that was asked for.

        Raises:
            OutOfTime: the time ran out before a trial had taken its steps: shorter trials are no twins of others.
        """
        missing = [t for t in dict.fromkeys(t.key for t in trials) if t not in self._known]
        by_key = {t.key: t for t in trials}
        if missing:
            self._do([by_key[key] for key in missing])
        return [self._known[t.key] for t in trials]

    def _do(self, trials: Sequence[Trial]) -> None:
        left = min(self._until, self._trial_until) - perf_counter()
        # By the clock, which other machines have too; at least a second, so that something is seen.
        until = time() + max(1.0, left)
        where = self._send() if self._workers.elsewhere else None
        calls = [(where, self.problem if where is None else None, trial, until) for trial in trials]
        late: NetvetError | None = None
        for number, result in self._workers.run(calls, do_trial):
            if isinstance(result, NetvetError):
                raise result
            if isinstance(result, Exception):
                told = "its worker was lost" if self._workers.is_lost(result) else "it could not be sent to a worker"
                result = Result((), "failed", 0.0, error=f"{told} ({type(result).__name__}: {result})")
            self.trials, self.taken = self.trials + 1, self.taken + len(result.losses)
            if result.ended == "time":
                late = OutOfTime(
                    f"its time ran out after {len(result.losses)} of {trials[number].steps} steps of a trial "
                    "(--budget gives more)"
                )
                continue
            self._keep(trials[number].key, result)
            self._tell(f"trial {self.trials}, {self.seconds_left:.0f} s left")
        if late is not None:
            raise late

    def _keep(self, key: str, result: Result) -> None:
        line = json.dumps([key, asdict(result)])
        self._known[key] = _result(json.loads(line)[1])  # the same, whether it was done now or is read again
        if self._journal is None or result.error is not None:  # what failed may succeed another time
            return
        self._journal.parent.mkdir(parents=True, exist_ok=True)
        with self._journal.open("a+b") as file:
            if file.tell() and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n":
                file.write(b"\n")  # the writer before was killed within a line
            file.write(line.encode() + b"\n")

    def _send(self) -> Shared:
        """Put the problem where workers find it; once."""
        if self._sent is None:
            self._sent = self._workers.share(content_of(self.problem))
        return self._sent

    def close(self) -> None:
        """Delete what was left for the workers."""
        if self._sent is not None:
            self._sent.delete()
            self._sent = None


def do_trial(where: Shared | None, problem: Problem | None, trial: Trial, until: float) -> Result:
    """One trial, on whatever machine; `until` is a time of day."""
    return run_trial(problem if problem is not None else _received(where), trial, until - time())


@lru_cache(maxsize=1)
def _received(where: Shared | None) -> Problem:
    import cloudpickle  # type: ignore[import-untyped]

    assert where is not None
    found: Problem = cloudpickle.loads(where.content())
    return found


def _read(journal: Path | None) -> dict[str, Result]:
    """Results of a study that was broken off; a line that was not written to its end is left out."""
    found: dict[str, Result] = {}
    if journal is None or not journal.exists():
        return found
    for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            key, plain = json.loads(line)
            found[str(key)] = _result(plain)
        except (ValueError, TypeError, KeyError, AttributeError):  # half a line, or what no result is
            continue
    return found


def _result(plain: dict[str, Any]) -> Result:
    scores = {n: Scored(**plain[n]) if plain[n] is not None else None for n in ("train", "val")}
    return Result(**{**plain, **scores, "losses": tuple(plain["losses"])})


def digest(problem: Problem) -> str:
    """The same for the same program: of its initial weights, its data, and what a step makes of them.

    Raises:
        NetvetError: a step cannot be taken.
    """
    found = hashlib.sha256()
    with _first_step(problem) as tensors:
        for tensor in tensors:
            found.update(tensor.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes())
    told = (netvet.__version__, problem.kind, problem.pretrained, problem.clip, problem.rates, problem.train.fixed_size)
    found.update(repr(told).encode())
    return found.hexdigest()[:16]


@contextmanager
def _first_step(problem: Problem) -> Iterator[Iterator[torch.Tensor]]:
    """The tensors of all batches, and of the model and its loss after one step."""
    learner, batch = problem.learner(0), problem.train.batches[0]
    with forked_rng(), torch.enable_grad():
        seed_all(0)

        def loss() -> torch.Tensor:
            optimizer.zero_grad()
            value, _ = learner.step(batch)
            value.backward()  # type: ignore[no-untyped-call]
            return value

        try:
            optimizer = problem.optimizer(learner.model)
            first = loss()
            if isinstance(optimizer, torch.optim.LBFGS):
                optimizer.step(loss)  # type: ignore[no-untyped-call]
            else:
                optimizer.step()
        except Exception as error:
            told = "out of memory" if is_memory(error) else f"{type(error).__name__}: {error}"
            raise NetvetError(f"a copy of the model cannot be trained: {told}") from error
        batches = (t for data in (problem.train, problem.val) for one in data.batches for t in one.values())
        state = (t for t in learner.model.state_dict().values() if isinstance(t, torch.Tensor))
        yield chain(batches, state, (first,))
