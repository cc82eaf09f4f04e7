"""The data of a training script that nobody has changed: it runs under watch until its data were seen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils.data import TensorDataset

from netvet.capture.live import Live
from netvet.capture.runner import Outcome, RunOptions, run
from netvet.capture.torch_entered import EnteredCollector, Stretch
from netvet.capture.torch_read_loaders import SHOWN, ReadLoader, ReadLoaders
from netvet.capture.torch_session import watch_of
from netvet.capture.torch_snapshots import SnapshotCollector, Snapshots
from netvet.core import NetvetError, TrainingStopped
from netvet.data.chunks import is_owner, role_of
from netvet.data.net_inputs import Shown
from netvet.data.readers.torch_data import Part, numbers_of, values_of
from netvet.data.sample_losses import Way

BECAUSE = "its data having been seen (--whole trains to the end)"
LATE = "the time for it being over before all data were seen (--whole trains to the end)"
# Seconds of training after which the script is ended in any case: of what was not read by then, the data set is known.
PATIENCE = 300.0


@dataclass(frozen=True)
class Ran:
    """How the script ended, and the data that it read.

    Args:
        parts: the training data first; none where no data were seen, for the `reason`.
        shown: of each split, some samples as they entered the model.
        snapshots: the model at moments of the training; `way`: from a training sample to it.
        stopped: step and reason of the end, where the script was ended before its own.
    """

    outcome: Outcome
    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    shown: tuple[Shown, ...] = ()
    snapshots: Snapshots = field(default_factory=Snapshots)
    way: Way | None = None
    stopped: tuple[int, str] | None = None
    reason: str = ""


def read_script(chosen: RunOptions, *, whole: bool = False, patience: float = PATIENCE) -> Ran:
    """Run a script under watch, and say what data it has read.

    Args:
        whole: let it train to its end; else it is ended once the training data were read through and an evaluation was
            seen, or after so many seconds of training.

    Raises:
        NetvetError: the run was not recorded.
    """
    watched: list[_Watched] = []
    inner = chosen.observe

    @contextmanager
    def observe(live: Live) -> Iterator[object]:
        watched.append(_Watched(live))
        with watched[0].ending(math.inf if whole else patience, whole=whole):
            outer: AbstractContextManager[object] | None = inner(live) if inner is not None else None
            if outer is None:
                yield None
            else:
                with outer as shown:
                    yield shown

    outcome = run(replace(chosen, observe=observe))
    if outcome.run_path is None or not watched:
        raise NetvetError("the run was not recorded, so that its data are not known")
    parts = watched[0].parts()
    failed = outcome.script_status not in (0, TrainingStopped.EXIT_CODE)
    how = "ended before" if failed else "ended, and no single samples of its"
    reason = (
        f"{chosen.target} {how} data entered a model: netvet sees batches of torch's DataLoader, and tensors given to "
        "a module together with a loss of torch.nn.functional"
    )
    shown = tuple(watched[0].shown[p.split] for p in parts if p.split in watched[0].shown)
    one = watched[0]
    return Ran(outcome, tuple(parts), tuple(one.notes), shown, one.snapshots.snapshots, one.way, one.stopped,
               "" if parts else reason)  # fmt: skip


class _Seen(TrainingStopped):
    """The data were seen: what was wanted."""

    quiet = True


class _Watched:
    """What is kept of a run, and when it has been enough."""

    def __init__(self, live: Live) -> None:
        session = watch_of(live).session
        self._live, self._session = live, session
        self.loaders, self.entered = ReadLoaders(session), EnteredCollector(session)
        session.add(self.loaders)
        session.add(self.entered)
        self.notes: list[str] = []
        self.snapshots = SnapshotCollector(session)
        session.add(self.snapshots)
        self.way: Way | None = None
        self.shown: dict[str, Shown] = {}
        self.stopped: tuple[int, str] | None = None

    @contextmanager
    def ending(self, patience: float, *, whole: bool) -> Iterator[None]:
        """While inside, a step of an optimizer ends the training when enough was seen."""
        first: list[float] = []

        def stop(*_: Any) -> None:
            if whole or self._session.in_backward or torch.compiler.is_compiling() or not self._live.recorder.here:
                return
            first.extend([perf_counter()] if not first else [])
            late = perf_counter() > first[0] + patience
            if self.stopped is None and (late or self._enough()):
                self.loaders.look_round()
                self.stopped = self._live.step, LATE if late else BECAUSE
                raise _Seen(*self.stopped, None)

        handle = register_optimizer_step_post_hook(stop)
        try:
            yield
        finally:
            handle.remove()
            if not self._session.ended:
                self.loaders.look_round()

    def _enough(self) -> bool:
        """The training data were read through once, and an evaluation has been."""
        trained = [one for one in self.loaders.found if "train" in one.phases]
        read = any(one.whole for one in trained) if trained else self.entered.train.done
        held = any("eval" in one.phases and "train" not in one.phases for one in self.loaders.found)
        return read and (held or bool(self.entered.evaluations and self.entered.evaluations[-1].pieces))

    def parts(self) -> list[Part]:
        """The splits that were read from loaders, else those that entered without."""
        used = [one for one in self.loaders.found if one.phases]
        train = [one for one in used if "train" in one.phases]
        unread = [one for one in self.loaders.found if not one.phases and train and _other_role(one)]
        found: list[Part] = []
        for one in [*train, *(o for o in used if o not in train), *unread]:
            part = self._part(one, train[0] if train else one, found)
            found += [part] if part is not None else []
        for part in self._without_loaders(found):
            found.append(part)
            self.shown[part.split] = _first_of(part)
        return found

    def _part(self, one: ReadLoader, train: ReadLoader, found: list[Part]) -> Part | None:
        inputs, target = (one.inputs or train.inputs), (one.target or train.target)
        if train.target is not None and one.forms == train.forms:
            target = train.target  # of several, an evaluation may compare another with a loss
        target = target or _left_over(one.forms or train.forms, inputs)
        inputs = [n for n in inputs if n != target] or [n for n in one.forms if n != target]
        numbers = numbers_of(one)
        same = [p for p in found if p.dataset is one.dataset and _rows(p.numbers) == _rows(numbers)]
        role = "train" if "train" in one.phases else next((r for n in one.names if (r := role_of(n)) != "other"), "val")
        if same or not inputs or (role == "train" and "train" not in one.phases):
            return None  # read once already, or the training data once more, to score on them
        if not one.unchanged:
            self.notes.append(f"the loop changes the samples of {role} before they enter the model: they are shown as "
                              "the loader gives them")  # fmt: skip
        collate = one.collate if one.batch_sampler is not None else None
        split = _named(role, found)
        if split == "train" and one.slots and one.aimed is not None and target is not None:
            self.way = Way(one.slots, target, *one.aimed)
        if one.shown is not None:
            facts = one.facts.get(target) if target is not None else None
            self.shown[split] = Shown(split, values_of(one.shown), facts, (one.dataset, one.collate))
        return Part(split, one.dataset, tuple(inputs), target, numbers, collate, (one.sampler, one.generator))

    def _without_loaders(self, found: list[Part]) -> list[Part]:
        roles = {role_of(p.split) for p in found}
        made: list[Part] = []
        train = _part_of(self.entered.train, "train") if self.entered.told_apart and "train" not in roles else None
        made += [train] if train is not None else []
        if train is not None and train.target is not None:
            self.way = _straight(self.entered.train, train, train.target)
        if not roles & {"val", "test"}:
            held = [p for s in self.entered.evaluations if (p := _part_of(s, "val")) is not None]
            largest = max(held, key=lambda p: len(p.dataset), default=None)
            known = found[0] if found else train
            if largest is not None and known is not None and not _is_the_same(largest, known):
                made.append(largest)
        return made


def _straight(stretch: Stretch, part: Part, target: str) -> Way:
    """The tensors are those that entered, under the names of the arguments."""
    names = stretch.pieces[0].inputs
    slots = {name: (str(i), tensor.dtype) for i, (name, tensor) in enumerate(names.items())}
    aimed = part.dataset.tensors[-1]
    return Way(slots, target, aimed.dtype, tuple(aimed.shape[1:]))


def _first_of(part: Part) -> Shown:
    """Of tensors that are the data, the first samples."""
    tensors = part.dataset.tensors
    largest = max(tensors[: len(part.inputs)], key=lambda t: t.numel())
    target = tensors[-1][:SHOWN] if part.target is not None else None
    return Shown(part.split, values_of(largest[:SHOWN]), target, (part.dataset,))


def _other_role(one: ReadLoader) -> bool:
    return any(role_of(name) in ("val", "test") for name in one.names)


def _rows(numbers: Any) -> tuple[int, ...] | None:
    return None if numbers is None else tuple(sorted(numbers))


def _left_over(forms: dict[str, tuple[int, ...]], inputs: list[str]) -> str | None:
    """The part of a batch that is one number a sample and does not enter the net, if there is but one."""
    left = [name for name, form in forms.items() if name not in inputs and math.prod(form) == 1]
    return left[0] if len(left) == 1 else None


def _named(role: str, found: list[Part]) -> str:
    taken = sum(p.split.partition("-")[0] == role for p in found)
    return f"{role}-{taken + 1}" if taken else role


def _part_of(stretch: Stretch, split: str) -> Part | None:
    kept = stretch.samples()
    if kept is None:
        return None
    inputs, target = kept
    names = tuple(str(i) for i in range(len(inputs)))
    tensors = [*inputs.values(), *([target] if target is not None else [])]
    aimed = str(len(names)) if target is not None else None
    return Part(split, TensorDataset(*tensors), names, aimed, drawn=stretch.drawn)


def _is_the_same(held: Part, train: Part) -> bool:
    """All samples of an evaluation are training samples: it scores the training."""
    from netvet.capture.torch_fingerprints import fingerprints

    if not isinstance(train.dataset, TensorDataset) or not isinstance(held.dataset, TensorDataset):
        return False
    prints = [
        set(fingerprints([t.reshape(len(t), -1) for t in p.dataset.tensors[: len(p.inputs)]]).tolist())
        for p in (held, train)
    ]
    return prints[0] <= prints[1]


def setup_parts(given: Any, target: str) -> tuple[Part, ...]:
    """The splits of what a function gives: a data set, a loader, or a dict of these by split.

    Raises:
        NetvetError: it gives something else.
    """
    splits = given if isinstance(given, dict) else {"train": given}
    if not splits:
        raise NetvetError(f"{target} gave an empty dict; expected a data set or loader for each split")
    ordered = sorted(splits, key=lambda name: role_of(str(name)) != "train")
    return tuple(_given_part(str(name), splits[name], target) for name in ordered)


def _given_part(split: str, one: Any, target: str) -> Part:
    from torch.utils.data import DataLoader
    from torch.utils.data._utils.collate import default_collate

    if isinstance(one, DataLoader):
        read = ReadLoader.of(one, ())
        collate = read.collate if read.batch_sampler is not None or one.batch_size else None
        part = Part(split, read.dataset, (), None, numbers_of(read), collate, (read.sampler, read.generator))
    elif isinstance(one, torch.utils.data.IterableDataset) or {"__getitem__", "__len__"} <= set(dir(one)):
        part = Part(split, one, (), collate=default_collate)
    else:
        raise NetvetError(
            f"{target} gave a {type(one).__name__} for {split}; expected a torch Dataset, a DataLoader, or a dict of "
            "these by split"
        )
    sample = next(iter(part.dataset)) if part.streams else part.dataset[part.rows[0]]
    forms = {name: tuple(t.shape[1:]) for name, t in part.batch([sample]).items()}
    return replace(part, **_told(forms))


def _told(forms: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Inputs and target by their names and forms: a single number beside others, or the last of two, is the target."""
    named = [n for n in forms if n.rpartition(".")[2].lower() in ("label", "labels", "target", "targets", "y")]
    single = [n for n, form in forms.items() if math.prod(form) == 1]
    target = next(iter([*named, *(single[-1:] if len(forms) > 1 else [])]), None)
    inputs = tuple(n for n in forms if n != target)
    given = tuple(n for n in inputs if not (n in single and is_owner(n)))
    return {"inputs": given or inputs, "target": target}
