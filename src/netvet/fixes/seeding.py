"""Other seeds for a program that is not changed: another initialisation and order of batches, on the same data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.utils import data

from netvet.fixes.seeds import STRIDE, moved, replaced, seed_python


@contextmanager
def shifted(seed: int) -> Iterator[None]:
    """While entered, a program that seeds itself gets `given + 1000 * seed`, one that does not is seeded.

    Shifted are the global generators of PyTorch and Python (`torch.manual_seed`, also on accelerators, `random.seed`),
    and with them what follows from these: Lightning's `seed_everything`, `set_seed` of Transformers, workers of data
    loaders; and generators that are given to a `DataLoader` or a random sampler. They decide over initialisation,
    dropout and the order of batches, which is what paired runs are to differ in.

    Not shifted is what commonly decides which data there are: NumPy's generators, `random.Random(n)`, `random_state`
    of scikit-learn, generators given to `random_split` (without one, it splits as the program's own seed would have
    it split at once), other `torch.Generator` objects. Data made by PyTorch's global generator change with the seed;
    both runs of a pair share them.

    A call that asks for a random seed (`torch.seed()`, `random.seed()`, `np.random.default_rng()`) gets a fixed one.
    With seed 0, nothing changes for a program that seeds itself.
    """
    shift = STRIDE * seed
    given = [0]
    torch.manual_seed(shift)
    with ExitStack() as undo:
        undo.enter_context(seed_python(shift))
        shift_torch(undo, shift, given)
        if shift:
            _shift_loaders(undo, shift)
            _keep_split(undo, given)
        yield


def shift_torch(undo: ExitStack, shift: int, given: list[int]) -> None:
    """Move the seeds that PyTorch is given. `given`: one number, the newest of them as the program wrote it."""
    inside = [False]  # torch.manual_seed calls those of the accelerators

    def seeds(before: Any) -> Any:
        def seeded(seed: Any) -> Any:
            if inside[0]:
                return before(seed)
            inside[0] = True
            given[0] = int(seed)
            try:
                return before(moved(int(seed), shift))
            finally:
                inside[0] = False

        return seeded

    def seed_anew(_: Any) -> Any:
        def seed() -> int:
            torch.manual_seed(0)
            return shift

        return seed

    own = [(torch, "manual_seed"), (torch.random, "manual_seed")]
    for owner, name in [*own, (torch.cuda, "manual_seed"), (torch.cuda, "manual_seed_all")]:
        replaced(undo, owner, name, seeds)
    for owner in (torch, torch.random):
        replaced(undo, owner, "seed", seed_anew)


def _shift_loaders(undo: ExitStack, shift: int) -> None:
    seen: dict[int, torch.Generator] = {}  # a loader hands its generator on to its sampler

    def constructor(before: Any) -> Any:
        def construct(self: Any, *args: Any, **kwargs: Any) -> None:
            for one in (*args, *kwargs.values()):
                if isinstance(one, torch.Generator) and one is not torch.default_generator and id(one) not in seen:
                    seen[id(one)] = one
                    one.manual_seed(moved(one.initial_seed(), shift))
            before(self, *args, **kwargs)

        return construct

    for owner in (data.DataLoader, data.RandomSampler, data.SubsetRandomSampler, data.WeightedRandomSampler):
        replaced(undo, owner, "__init__", constructor)


def _keep_split(undo: ExitStack, given: list[int]) -> None:
    def split(before: Any) -> Any:
        def random_split(dataset: Any, lengths: Any, generator: torch.Generator | None = None) -> Any:
            if generator is None or generator is torch.default_generator:
                torch.randperm(len(dataset))  # the program's own generator goes on as it would have
                generator = torch.Generator().manual_seed(given[0])
            return before(dataset, lengths, generator)

        return random_split

    replaced(undo, data, "random_split", split)
    replaced(undo, data.dataset, "random_split", split)
