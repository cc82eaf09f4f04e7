"""What ranks that a script forks have recorded, put together."""

from netvet.capture.torch_ranks import merged

RANK = {"world_size": 2, "wrapper": None, "first_step": None}


def test_equal_replicas_differ_in_nothing():
    ranks = [{**RANK, "hashes": {"1": {"w": 5}}}, {**RANK, "hashes": {"1": {"w": 5}, "2": {"w": 6}}}]
    assert merged(ranks) == {**RANK, "differing": []}


def test_the_first_step_at_which_they_differ_is_told():
    ranks = [{**RANK, "hashes": {"1": {"w": 5}, "2": {"w": 5}}}, {**RANK, "hashes": {"1": {"w": 5}, "2": {"w": 6}}}]
    assert merged(ranks) == {**RANK, "differing": ["w"], "first_step": 2}


def test_one_rank_alone_tells_nothing():
    assert merged([{**RANK, "hashes": {"1": {"w": 5}}}])["differing"] is None
