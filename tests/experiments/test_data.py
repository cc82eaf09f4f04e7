import itertools

import pytest
import torch

from netvet.core import NetvetError
from netvet.experiments.data import Data, Roles

ROLES = Roles(("x",), ("y",))


def data(*sizes, **options):
    """Samples that are numbered from 0 on."""
    numbers = torch.arange(sum(sizes)).split(list(sizes))
    return Data(tuple({"x": n.float()[:, None], "y": n} for n in numbers), ROLES, **options)


def first(stream, count):
    return [batch["y"].tolist() for batch in itertools.islice(stream, count)]


def test_refuses_no_batches():
    with pytest.raises(NetvetError, match="at least one batch"):
        Data((), ROLES)


def test_counts_the_samples_of_all_batches():
    assert (data(4, 4, 2).size, data(4, 4, 2).batch_size) == (10, 4)


@pytest.mark.parametrize(
    "batches",
    [
        ({"x": torch.zeros(5, 3), "y": torch.zeros(3)},),  # no common axis
        ({"x": torch.zeros(3, 4), "y": torch.zeros(3)}, {"x": torch.zeros(3, 5), "y": torch.zeros(3)}),  # other lengths
        ({"x": torch.zeros(3, 4), "y": torch.tensor(1.0)},),  # a number beside samples
    ],
)
def test_knows_batches_of_which_no_samples_can_be_drawn(batches):
    found = Data(batches, ROLES)
    assert found.size is None
    with pytest.raises(NetvetError, match="cannot be drawn"):
        found.pooled()
    assert next(found.stream(0)) in batches


def test_what_is_shared_has_no_samples():
    weight = torch.ones(3)
    batches = tuple({"x": torch.zeros(4, 2), "y": torch.zeros(4), "w": weight} for _ in range(2))
    found = Data(batches, Roles(("x",), ("y",), ("w",)))
    assert found.size == 8
    assert found.samples([0, 7])["w"] is weight
    assert found.samples([0, 7])["x"].shape == (2, 2)


def test_a_stream_is_the_same_for_the_same_seed_and_another_for_another():
    assert first(data(4, 4, 2).stream(3), 9) == first(data(4, 4, 2).stream(3), 9)
    assert first(data(4, 4, 2).stream(3), 9) != first(data(4, 4, 2).stream(4), 9)


def test_a_stream_gives_each_sample_once_an_epoch_in_batches_of_one_size():
    epoch = first(data(4, 4, 4).stream(0), 3)
    assert [len(batch) for batch in epoch] == [4, 4, 4]
    assert sorted(itertools.chain(*epoch)) == list(range(12))


def test_a_stream_leaves_a_smaller_last_batch_out_unless_it_is_the_only_one():
    assert {len(batch) for batch in first(data(4, 4, 2).stream(0), 20)} == {4}
    assert {len(batch) for batch in first(data(3).stream(0, 8), 3)} == {3}


def test_a_stream_does_not_draw_from_the_global_generator():
    before = torch.get_rng_state()
    first(data(4, 4).stream(0), 5)
    assert torch.equal(torch.get_rng_state(), before)


def test_whole_batches_come_in_another_order_each_epoch():
    found = data(4, 4, 4, 4, fixed_size=True)
    epochs = [first(itertools.islice(found.stream(0), 4 * n, None), 4) for n in range(3)]
    assert all(sorted(map(tuple, e)) == sorted(map(tuple, epochs[0])) for e in epochs)
    assert len({str(e) for e in epochs}) > 1


def test_a_split_has_every_sample_once():
    one, other = data(4, 4, 2).split(0.2)
    held = other.pooled()["y"].tolist()
    assert len(held) == 2
    assert sorted(one.pooled()["y"].tolist() + held) == list(range(10))


def test_a_single_whole_batch_cannot_be_split():
    with pytest.raises(NetvetError, match="give validation data"):
        data(4, fixed_size=True).split(0.2)


def test_what_later_epochs_repeat_is_left_out():
    found = data(4, 4)
    assert Data(found.batches * 3, ROLES).distinct().size == 8
    assert found.distinct() is found
    assert len(Data(found.batches * 3, ROLES, fixed_size=True).distinct().batches) == 2


def test_batches_that_share_an_axis_by_chance_alone_still_work_as_they_are():
    found = data(4, 4).mapped(lambda name, t: torch.zeros_like(t), ("x",))
    assert float(found.pooled()["x"].abs().sum()) == 0.0
    assert found.pooled()["y"].tolist() == list(range(8))
