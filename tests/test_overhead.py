"""The arithmetic of the overhead benchmark, and that its trainings and tools run."""

import contextlib

import pytest
import torch

from benchmarks import overhead, rivals
from benchmarks.overhead import Result, line, measure, quartiles
from benchmarks.rivals import VARIANTS, Variant
from benchmarks.scaling import resident
from benchmarks.turns import Times
from benchmarks.workloads import WORKLOADS, Workload, chain


def times(*seconds):
    return Times(tuple(seconds), tuple(2 * s for s in seconds))


def test_quartiles_are_those_of_the_pairs():
    assert quartiles([1.0, 2.0, 3.0, 4.0, 5.0]) == (2.0, 3.0, 4.0)
    assert quartiles([1.5]) == (1.5, 1.5, 1.5)


def test_ratios_are_taken_pair_by_pair_not_over_all():
    result = Result("tool", [(times(1, 1), times(2, 2)), (times(10, 10), times(30, 30)), (times(1, 1), times(2, 2))])
    assert result.ratios(lambda t: sum(t.cpu)) == [2, 3, 2]
    assert line(result).split()[:3] == ["tool", "2.000", "[2.000-2.500]"]


def test_a_rare_slow_step_counts_in_the_block_but_not_in_the_median_step():
    result = Result("tool", [(times(1, 1, 1, 1), times(1, 1, 1, 5))])
    assert line(result).split()[1:6] == ["1.000", "[1.000-1.000]", "1.000", "2.000", "2.000"]


def test_with_several_starts_each_counts_once():
    pairs = [(times(1), times(ratio)) for ratio in (1, 2, 3, 5, 8)]
    result = Result("tool", pairs, starts=[0, 3, 4])
    assert result.ratios(lambda t: sum(t.cpu)) == [2, 5, 8]
    assert line(result).split()[1:5] == ["5.000", "[3.500-6.500]", "5.000", "3.800"]


def test_a_quiet_step_is_one_of_the_fastest():
    assert overhead.quiet_step(range(11)) == 1
    assert overhead.quiet_step([3.0]) == 3


def test_a_changed_loss_is_seen_and_shouted_where_the_tool_promised_none():
    pairs = [(times(1), times(1))]
    assert line(Result("tool", pairs)).rstrip().endswith("yes")
    assert line(Result("tool", pairs, same=False)).rstrip().endswith("no")
    assert line(Result("tool", pairs, same=False, bitwise=True)).rstrip().endswith("NO")


def test_what_is_not_installed_or_fails_is_a_row_that_says_so(monkeypatch):
    args = overhead.parser().parse_args(["--size", "small", "--pairs", "1", "--device", "cpu"])

    def broken(_task, _folder):
        raise RuntimeError("no such\nhook")

    chosen = [
        Variant("a", rivals.nothing, package="no_such_package"),
        Variant("b", broken),
        Variant("c", broken, only=("mlp",)),
    ]
    told = [line(result) for result in overhead.rows(WORKLOADS["lstm"], chosen, args)]
    assert [text.split(None, 1)[1] for text in told] == [
        "not installed",
        "failed: RuntimeError: no such",
        "does not support this model",
    ]


@pytest.fixture
def small():
    torch.set_num_threads(1)
    return chain(2, 8)


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v.package is None], ids=lambda v: v.name)
def test_every_tool_leaves_the_training_as_it_is(small, variant):
    workload = Workload(small.name, small.make, steps=3, pairs=2)
    result = measure(workload, variant, size="small", device="cpu", pairs=2)
    assert len(result.pairs) == 2
    assert result.same
    assert all(len(t.cpu) == len(t.wall) == 3 for pair in result.pairs for t in pair)


@pytest.mark.parametrize("variant", [v for v in VARIANTS if v.package is None], ids=lambda v: v.name)
def test_every_tool_comes_and_goes_in_one_process_and_leaves_nothing_behind(small, variant):
    workload = Workload(small.name, small.make, steps=3, pairs=3)
    result = measure(workload, variant, size="small", device="cpu", pairs=3, one_process=True)
    assert len(result.pairs) == 3
    assert result.same is None
    assert " - " in line(result)


def test_a_tool_that_leaves_a_hook_behind_is_caught(small):
    @contextlib.contextmanager
    def careless(task, _folder):
        task.model[0].register_forward_hook(lambda *_: None)
        yield

    with pytest.raises(RuntimeError, match=r"careless has left behind: .*_forward_hooks"):
        measure(small, Variant("careless", careless), size="small", device="cpu", pairs=1, one_process=True)


def test_a_tool_that_leaves_a_function_behind_is_caught(small):
    @contextlib.contextmanager
    def careless(_task, _folder):
        torch.Tensor.careless = lambda _tensor: None
        yield

    with pytest.raises(RuntimeError, match=r"has left behind: Tensor.careless of .*test_overhead"):
        measure(small, Variant("careless", careless), size="small", device="cpu", pairs=1, one_process=True)


def test_each_start_is_two_fresh_processes(small):
    workload = Workload(small.name, small.make, steps=3, pairs=2)
    result = measure(workload, VARIANTS[0], size="small", device="cpu", pairs=2, starts=3)
    assert (len(result.pairs), result.starts, result.same) == (6, [0, 2, 4], True)


def test_a_tool_that_changes_the_training_is_caught(small):
    @contextlib.contextmanager
    def harmful(task, _folder):
        with torch.no_grad():
            next(task.model.parameters()).add_(0.1)
        yield

    assert not measure(small, Variant("harmful", harmful), size="small", device="cpu", pairs=1).same


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_same_training_is_made_each_time(name):
    first, second = (WORKLOADS[name].task("small", "cpu") for _ in range(2))
    assert torch.equal(first.step(), second.step())


def test_the_memory_of_the_process_is_known():
    assert resident() > 10_000_000
