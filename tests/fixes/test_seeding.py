"""Seeds that are shifted: other weights and batches, the same data."""

import random

import numpy as np
import torch
from torch.utils.data import DataLoader, random_split

from netvet.fixes.seeding import STRIDE, shifted


def draws():
    """What a program that seeds everything gets."""
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    return torch.rand(4).tolist(), random.random(), np.random.rand(), np.random.default_rng(3).random()


def test_seed_zero_changes_nothing_of_a_program_that_seeds_itself():
    plain = draws()
    with shifted(0):
        assert draws() == plain


def test_another_seed_moves_initialisation_and_leaves_numpys_data():
    plain = draws()
    with shifted(2):
        moved = draws()
    assert moved[0] != plain[0]
    assert moved[1] != plain[1]
    assert moved[2:] == plain[2:]
    torch.manual_seed(3 + 2 * STRIDE)
    assert moved[0] == torch.rand(4).tolist()


def test_a_program_that_does_not_seed_itself_is_seeded():
    def unseeded(seed):
        with shifted(seed):
            return torch.rand(2).tolist(), random.random(), np.random.rand(), np.random.default_rng().random()

    assert unseeded(0) == unseeded(0)
    assert unseeded(1) == unseeded(1)
    assert unseeded(0)[:2] != unseeded(1)[:2]
    assert unseeded(0)[2:] == unseeded(1)[2:]


def test_a_call_for_a_random_seed_gets_a_fixed_one():
    def seeds():
        torch.seed()
        random.seed()
        np.random.seed()
        return torch.rand(1).item(), random.random(), np.random.rand()

    with shifted(1):
        assert seeds() == seeds()


def test_the_split_stays_and_the_order_of_batches_moves():
    def indices(seed, generator):
        with shifted(seed):
            torch.manual_seed(0)
            given = torch.Generator().manual_seed(7) if generator else None
            kept, _ = torch.utils.data.random_split(range(100), [80, 20], *([given] if generator else []))
            loader = DataLoader(
                torch.arange(20), batch_size=5, shuffle=True, generator=torch.Generator().manual_seed(1)
            )
            return list(kept.indices), [b.tolist() for b in loader]

    for generator in (True, False):
        first, second = indices(0, generator), indices(1, generator)
        assert first[0] == second[0]
        assert first[1] != second[1]
        assert indices(1, generator) == second


def test_everything_is_put_back():
    before = torch.manual_seed, torch.seed, random.seed, np.random.seed, np.random.default_rng, DataLoader.__init__
    with shifted(1):
        assert torch.manual_seed is not before[0]
    assert before == (
        torch.manual_seed, torch.seed, random.seed, np.random.seed, np.random.default_rng, DataLoader.__init__
    )  # fmt: skip
    assert torch.utils.data.random_split is random_split
