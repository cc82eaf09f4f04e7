"""Each change makes exactly the difference that it says."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from netvet.core import NetvetError
from netvet.experiments.trial import Trial, _build, run_trial
from tests.experiments.small_problems import net, problem


def built(changes, found=None, steps=10, seed=0):
    return _build(found or problem(), Trial(steps, seed, changes))


def made(changes, found=None):
    build = built(changes, found)
    return build.make_optimizer(build.learner.model)


def test_learning_rates():
    assert made({"lr": 0.5}).param_groups[0]["lr"] == 0.5
    assert made({"lr-factor": 10.0}).param_groups[0]["lr"] == pytest.approx(1.0)


def test_schedules():
    rates = [built({"lr-ramp": [1e-4, 1.0]}).rate(step) for step in range(10)]
    assert rates[0] == 1.0
    assert rates[-1] == pytest.approx(1e4)
    ratios = [b / a for a, b in itertools.pairwise(rates)]
    assert max(ratios) == pytest.approx(min(ratios))
    assert [built({"warmup": 4}).rate(step) for step in (0, 4, 9)] == [0.01, 1.0, 1.0]
    assert built({"warmup": 4, "constant-lr": True}).rate(0) == 1.0


def test_optimizers_and_weight_decay():
    optimizer = made({"optimizer": {"name": "AdamW", "lr": 0.02}})
    assert type(optimizer) is torch.optim.AdamW
    assert optimizer.param_groups[0]["lr"] == 0.02
    assert made({"weight-decay": 0.3}).param_groups[0]["weight_decay"] == 0.3
    assert made({"weight-decay": 0.3, "unregularised": True}).param_groups[0]["weight_decay"] == 0.0


def test_an_unknown_optimizer_is_named():
    with pytest.raises(NetvetError, match="no such optimizer: 'Adamm'"):
        built({"optimizer": {"name": "Adamm"}})


def test_dropout_of_all_layers():
    found = problem(model=lambda: nn.Sequential(net(0.5), nn.Dropout(0.2)))
    for change, wanted in (({"dropout": 0.7}, 0.7), ({"unregularised": True}, 0.0)):
        layers = [m for m in built(change, found).learner.model.modules() if isinstance(m, nn.Dropout)]
        assert [m.p for m in layers] == [wanted, wanted]
    assert found.learner(0).model[1].p == 0.2


def test_clipping():
    assert built({"clipping": 0.5}).clip == ("norm", 0.5)
    assert built({"clipping": 0.5, "no-clipping": True}).clip is None


def test_batch_size():
    build = built({"batch-size": 7})
    assert len(next(build.train.stream(0, build.batch_size))["0"]) == 7


def test_one_batch_and_its_first_samples():
    found = problem()
    assert torch.equal(built({"one-batch": None}, found).train.batches[0]["0"], found.train.batches[0]["0"])
    few = built({"one-batch": 2}, found).train
    assert (few.size, torch.equal(few.pooled()["0"], found.train.samples([0, 1])["0"])) == (2, True)
    assert built({"one-batch": 10_000}, found).train.size == 96


def test_a_subset_is_drawn_by_the_seed():
    rows = [built({"subset": 20}, seed=s).train.pooled()["0"] for s in (0, 0, 1)]
    assert len(rows[0]) == 20
    assert torch.equal(rows[0], rows[1])
    assert not torch.equal(rows[0], rows[2])


def test_zeroed_inputs_are_zero_in_both_splits():
    build = built({"zeroed-inputs": True})
    assert not any(float(b["0"].abs().sum()) for d in (build.train, build.val) for b in d.batches)
    assert torch.equal(build.train.pooled()["1"], problem().train.pooled()["1"])


@pytest.mark.parametrize(("change", "moved", "kept"), [("shuffled-inputs", "0", "1"), ("shuffled-targets", "1", "0")])
def test_shuffling_moves_one_part_and_leaves_validation_data(change, moved, kept):
    found = problem()
    build = built({change: True}, found)
    before, after = found.train.pooled(), build.train.pooled()
    assert torch.equal(before[kept], after[kept])
    assert not torch.equal(before[moved], after[moved])
    assert torch.equal(before[moved].flatten().sort()[0], after[moved].flatten().sort()[0])
    assert build.val is found.val


def test_whole_batches_are_shuffled_within_themselves():
    found = problem(loss=None, step=lambda model, batch: cross_entropy(model(batch[0]).view(16, 3), batch[1]), val=None)
    assert found.train.size is None
    build = built({"shuffled-targets": True}, found)
    for one, other in zip(found.train.batches, build.train.batches, strict=True):
        assert torch.equal(one["1"].sort()[0], other["1"].sort()[0])
        assert not torch.equal(one["1"], other["1"])
    with pytest.raises(NetvetError, match="whole batches"):
        built({"batch-size": 4}, found)


def test_unknown_targets_cannot_be_shuffled():
    found = problem(
        model=lambda: nn.Linear(2, 2), train=[torch.rand(8, 2) for _ in range(4)], val=None, loss=None,
        step=lambda model, batch: mse_loss(model(batch), batch),
    )  # fmt: skip
    with pytest.raises(NetvetError, match="targets are not known"):
        built({"shuffled-targets": True}, found)


def test_shows_predictions_beside_targets():
    result = run_trial(problem(), Trial(80, 0, {"one-batch": 6, "shown": 4}))
    assert len(result.extra["wanted"]) == 4
    assert result.extra["predicted"] == result.extra["wanted"] == [0, 1, 2, 0]
