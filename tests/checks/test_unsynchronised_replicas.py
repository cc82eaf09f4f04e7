"""Copies of a model on several processes that drift apart."""

import pytest

from netvet.checks.unsynchronised_replicas import unsynchronised_replicas
from netvet.core import Facts, Location


def replicas(**more):
    record = {"world_size": 2, "rank": 0, "wrapper": "DistributedDataParallel", "raw_module_called": False}
    return Facts.of({**record, "differing": [], "first_step": 1, "file": "train.py", "line": 40, **more})


def test_fires_when_replicas_differ():
    (finding,) = unsynchronised_replicas(replicas(differing=["a", "b", "c", "d"]))
    assert finding.message == "the replicas differ over 2 processes from step 1 on: a, b, c, ..."
    assert finding.severity == "error"


def test_fires_when_the_wrapper_is_passed_by():
    (finding,) = unsynchronised_replicas(replicas(raw_module_called=True, differing=["a"]))
    assert "called directly in training" in finding.message
    assert "(differing: 1)" in finding.message
    assert finding.location == Location("train.py", 40)


def test_without_a_wrapper_it_is_a_warning():
    assert [f.severity for f in unsynchronised_replicas(replicas(wrapper=None, differing=["a"]))] == ["warning"]


@pytest.mark.parametrize(
    "made",
    [
        replicas(),
        replicas(differing=["bn.running_mean", "bn.num_batches_tracked"]),
        replicas(wrapper="FSDP", differing=["a"]),
        replicas(world_size=1, differing=["a"]),
        replicas(wrapper=None),
        Facts.of({}),
    ],
)
def test_is_quiet_on(made):
    assert unsynchronised_replicas(made) == []


def loader(**more):
    record = {"name": "train.py:31", "phase": "train", "distributed_sampler": True, "set_epoch_called": False}
    return Facts.of({**record, "epochs": 3, "shuffled": True, "file": "train.py", "line": 31, **more})


def test_fires_when_the_order_never_changes():
    (finding,) = unsynchronised_replicas(replicas(), loader())
    assert (
        finding.message == "set_epoch was never called on the sampler of train.py:31: all 3 epochs have the same order"
    )


@pytest.mark.parametrize(
    "loaders",
    [
        loader(set_epoch_called=True),
        loader(epochs=1),
        loader(phase="eval"),
        loader(distributed_sampler=False),
        Facts.of({}),
    ],
)
def test_is_quiet_on_right_samplers(loaders):
    assert unsynchronised_replicas(replicas(), loaders) == []
    assert unsynchronised_replicas(Facts(), loader()) == []


def test_fires_when_replicas_in_one_process_differ():
    pair = {"first": "SGD", "second": "SGD#2", "steps": 15, "differing": 15, "first_step": 0, "file": "t.py", "line": 9}
    (finding,) = unsynchronised_replicas(twins=Facts.of(pair))
    assert finding.message.startswith("2 replicas in one process step on the same gradients, but their weights differ")
    assert not unsynchronised_replicas(twins=Facts.of({**pair, "differing": 0}))


def test_names_the_rank_that_differs_from_the_others():
    (finding,) = unsynchronised_replicas(replicas(world_size=4, differing=["a"], odd_ranks=[2], first_step=7))
    assert finding.message == "rank 2 differs from the other 3 processes from step 7 on: a"


def test_fires_when_averaged_gradients_are_not_equal():
    (finding,) = unsynchronised_replicas(replicas(norms_differ_from=7, norms_differ_in="a", odd_ranks=[]))
    assert finding.message == "the replicas differ over 2 processes from step 7 on, in the norm of a"
    assert not unsynchronised_replicas(replicas(wrapper=None, norms_differ_from=7))


def test_fires_when_all_processes_get_the_same_samples():
    (finding,) = unsynchronised_replicas(replicas(same_inputs=[0, 1, 2]))
    assert finding.message == "all 2 processes got the same samples in steps 0-2: no DistributedSampler?"
    assert finding.severity == "warning"
    assert not unsynchronised_replicas(replicas(same_inputs=[0]))
