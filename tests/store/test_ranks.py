"""What several ranks stored, read as one run; every number against a naive float64 one."""

import numpy as np
import pytest

from netvet.core import Facts, LayerSeries, Series
from netvet.store import Run, RunWriter
from netvet.store.ranks import NEEDS, combined

REPLICA = {"world_size": 2, "wrapper": None, "first_step": None}


def differing(*hashes, **more):
    ranks = [
        {"replicas": Facts.of({**REPLICA, **more, "rank": rank, "hashes": h}), "grad_norm": None}
        for rank, h in enumerate(hashes)
    ]
    return combined("replicas", ranks)[0]


def test_equal_replicas_differ_in_nothing():
    assert differing({"1": {"w": 5}}, {"1": {"w": 5}, "2": {"w": 6}})["differing"] == []


def test_the_first_step_at_which_they_differ_is_told():
    found = differing({"1": {"w": 5}, "2": {"w": 5}}, {"1": {"w": 5}, "2": {"w": 6}})
    assert (found["differing"], found["first_step"], found["odd_ranks"]) == (["w"], 2, [])


def test_the_rank_that_most_others_disagree_with_is_named():
    found = differing(*({"1": {"w": 5, "v": 1}} for _ in range(3)), {"1": {"w": 6, "v": 1}})
    assert (found["differing"], found["odd_ranks"]) == (["w"], [3])


def test_one_rank_alone_tells_nothing():
    assert differing({"1": {"w": 5}})["differing"] is None


def test_averaged_gradients_of_different_size_are_told():
    norms = [[1.0, 1.0, 1.0], [1.0, 1.0, 1.1], [1.0, 1.0, 1.0]]
    record = {**REPLICA, "wrapper": "DistributedDataParallel"}
    ranks = [
        {"replicas": Facts.of({**record, "rank": i}), "grad_norm": LayerSeries.of(SGD=n)} for i, n in enumerate(norms)
    ]
    found = combined("replicas", ranks)[0]
    assert (found["norms_differ_from"], found["odd_ranks"]) == (2, [1])


def test_the_same_samples_on_all_ranks_are_told():
    ranks = [
        {"replicas": Facts.of({**REPLICA, "rank": i, "inputs": {"0": 7, "1": 8 + i}}), "grad_norm": None}
        for i in range(2)
    ]
    assert combined("replicas", ranks)[0]["same_inputs"] == [0]


def test_a_loss_is_the_mean_over_the_ranks_that_have_it():
    one = LayerSeries({"a": Series.of([1.0, 2.0, 3.0])})
    other = LayerSeries({"a": Series.of([3.0, float("nan")], [0, 1]), "b": Series.of([5.0])})
    found = combined("loss", [{"loss": one}, {"loss": other}, {"loss": None}])
    assert found["a"].values.tolist()[::2] == [2.0, 3.0]
    assert np.isnan(found["a"].values[1])
    assert found["b"].values.tolist() == [5.0]


def shards(rng, elements, copies=1):
    """Ranks that hold parts of one weight of two steps, and the whole weights: [2, elements]."""
    whole, ranks = rng.normal(size=(2, sum(elements))) + 3, []
    ends = np.cumsum([0, *elements])
    for rank, count in enumerate(elements):
        for _ in range(copies):
            own = whole[:, ends[rank] : ends[rank + 1]]
            sums = {"norm": np.linalg.norm(own, axis=1), "mean": own.mean(axis=1), "variance": own.var(axis=1)}
            record = {"world_size": len(elements) * copies, "parameters": {"w": [count, copies]}}
            record |= {"optimizers": {"SGD": ["w"]}, "keys": {"SGD": "(all)"}}
            layers = {f"w {name}": Series.of(values) for name, values in sums.items()} if count else {}
            norm = np.linalg.norm(own, axis=1) / np.sqrt(copies)
            norms = LayerSeries({"SGD": Series.of(norm)})
            ranks.append({"shards": Facts.of(record), "shard_sums": LayerSeries(layers), "grad_norm": norms})
    return whole, ranks


@pytest.mark.parametrize(("elements", "copies"), [([5, 5], 1), ([3, 2, 1, 0], 1), ([4, 3], 2)])
@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value", "ignore:Degrees of freedom")
def test_statistics_of_whole_tensors_come_from_their_shards(elements, copies):
    whole, ranks = shards(np.random.default_rng(0), elements, copies)
    for one in ranks:
        one |= {"param_norm": None, "param_std": None}
    assert combined("param_norm", ranks)["w"].values == pytest.approx(np.linalg.norm(whole, axis=1), rel=1e-12)
    assert combined("param_std", ranks)["w"].values == pytest.approx(whole.std(axis=1), rel=1e-12)
    assert combined("grad_norm", ranks)["SGD"].values == pytest.approx(np.linalg.norm(whole, axis=1), rel=1e-12)


def test_norms_of_ranks_that_are_not_all_here_are_not_told():
    _, ranks = shards(np.random.default_rng(0), [4, 3])
    ranks[0]["param_norm"] = LayerSeries.of(w=[1.0], bias=[2.0])
    assert combined("grad_norm", ranks[:1]) is None
    assert set(combined("param_norm", ranks[:1])) == {"bias"}


def test_numbers_of_broken_gradients_are_added_up():
    _, ranks = shards(np.random.default_rng(0), [4, 3])
    for rank, one in enumerate(ranks):
        one["non_finite_grads"] = LayerSeries({"w": Series.of([2.0], [rank])})
    assert combined("non_finite_grads", ranks)["w"].values.tolist() == [2.0, 2.0]


def paced(**parts):
    return dict.fromkeys(NEEDS["ranks"]) | {
        "pass_seconds": LayerSeries({k.replace("_", " "): Series.of(v) for k, v in parts.items()})
    }


def test_the_rank_that_lets_the_others_wait_is_told():
    fast = paced(between_passes=[1.0, 1.0], forward=[1.0, 1.0], backward=[8.0, 8.0])
    slow = paced(between_passes=[7.0, 7.0], forward=[1.0, 1.0], backward=[2.0, 2.0])
    for number, one in enumerate((fast, slow)):
        one["ranks"] = Facts.of({"rank": number, "world_size": 3})
    first, second, third = combined("ranks", [fast, slow])
    assert (second["between_passes_excess"], second["between_passes_slower"]) == (pytest.approx(0.6), 1.0)
    assert second["backward_excess"] == pytest.approx(-0.6)
    assert first["between_passes_slower"] == 0.0
    assert third == {"rank": 2, "world_size": 3, "present": False, "ended": None, "last_step": None}


def test_a_folder_is_read_as_one_run_and_a_file_as_one_rank(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for rank in range(2):
        writer = RunWriter.join(folder, rank=rank)
        writer.put_facts("ranks", [{"rank": rank, "world_size": 2}])
        writer.append(0, "loss", 1.0 + rank, "a")
        writer.close()
    (folder / "rank2.db").touch()  # killed before it had written anything
    assert Run.open(folder).get("loss")["a"].values.tolist() == [1.5]
    assert Run.open(folder / "rank1.db").get("loss")["a"].values.tolist() == [2.0]
    assert [record["last_step"] for record in Run.open(folder).get("ranks")] == [0, 0]
