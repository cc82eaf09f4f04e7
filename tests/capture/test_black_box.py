"""The black box: what is kept of the last steps, when it is written, and that it comes back as it was."""

from __future__ import annotations

import json
import random
import weakref
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from netvet.capture import torch_black_box
from netvet.capture.torch_box_file import (
    Box,
    as_tensors,
    find_box,
    random_states,
    read_box,
    set_random_states,
    write_box,
)
from netvet.capture.torch_box_values import Packer, unpack
from netvet.core import NetvetError

LIMIT = 1 << 20


class Logarithm(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x):
        return torch.log(self.layer(x).relu())


def boxes(run) -> dict[int, Box]:
    found = (read_box(f) for f in (run.path / "black_box").glob("*.safetensors"))
    return {box.about["step"]: box for box in found}


def train(model, batches, loss_of, lr=0.1):
    optimizer = torch.optim.SGD(model.parameters(), lr)
    for x, y in batches:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.backward()
        optimizer.step()


def some_batches(count, bad=None, value=float("nan")):
    generator = torch.Generator().manual_seed(0)
    made = [(torch.randn(8, 3, generator=generator), torch.randn(8, 2, generator=generator)) for _ in range(count)]
    if bad is not None:
        made[bad][0][5, 1] = value
    return made


def test_a_step_with_a_loss_that_is_nan_is_written_with_batch_target_and_weights(watch):
    model, batches, before = nn.Linear(3, 2), some_batches(5, bad=3), []

    def seen(out, y):
        before.append({n: p.detach().clone() for n, p in model.named_parameters()})
        return functional.mse_loss(out, y)

    run = watch(lambda: train(model, batches, seen), probes=False)
    box = boxes(run)[3]
    call, loss = box.about["calls"][0], box.about["losses"][0]
    assert box.about["reason"] == "loss"
    assert box.about["backwards"][0]["loss"] == "nan"
    x = box.load(call["args"]["tuple"][0]["tensor"])
    assert torch.equal(x, batches[3][0]) or torch.allclose(x, batches[3][0], equal_nan=True)
    assert torch.equal(box.load(loss["arguments"]["target"]["tensor"]), batches[3][1])
    assert torch.equal(box.tensors["weight.Linear:weight"], before[3]["weight"])
    assert (call["model"], call["axis"], call["size"]) == ("Linear", 0, 8)


def test_earlier_steps_are_written_with_the_weights_that_they_had(watch):
    model, before = nn.Linear(3, 2), []

    def seen(out, y):
        before.append(model.weight.detach().clone())
        return functional.mse_loss(out, y)

    found = boxes(watch(lambda: train(model, some_batches(9, bad=7), seen), probes=False))
    assert sorted(found) == [4, 5, 6, 7]
    assert [found[n].about["reason"] for n in (4, 5, 6)] == ["before"] * 3
    assert all(torch.equal(found[n].tensors["weight.Linear:weight"], before[n]) for n in found)


def test_a_gradient_that_is_not_finite_under_a_finite_loss_is_written(watch):
    model = nn.Linear(3, 2, bias=False)
    batches = [(torch.zeros(8, 3), torch.zeros(8, 2))]
    box = boxes(watch(lambda: train(model, batches, lambda out, y: out.square().sum(1).sqrt().sum()), probes=False))[0]
    assert box.about["reason"] == "gradient"
    assert float(box.about["backwards"][0]["loss"]) == 0.0


def test_an_exception_in_a_step_is_written(watch):
    class Fails(nn.Linear):
        def forward(self, x):
            if len(seen) == 2:
                raise ValueError("no good")
            seen.append(1)
            return super().forward(x)

    seen: list[int] = []

    def whole():
        with pytest.raises(ValueError, match="no good"):
            train(Fails(3, 2), some_batches(4), functional.mse_loss)

    box = boxes(watch(whole, probes=False))[2]
    assert (box.about["reason"], box.about["message"]) == ("exception", "ValueError: no good")


def test_variables_live_no_longer_for_being_read_and_locals_stay(watch):
    gone, kept = [], []

    def steps():
        rate = 0.1
        kept.append(locals())
        whole()
        assert kept[0]["rate"] == rate

    def whole():
        model = nn.Linear(3, 2)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        for _ in range(3):
            x = torch.randn(8, 3)
            model(x).sum().backward()
            optimizer.step()
        gone.append(weakref.ref(x))
        del x
        optimizer.zero_grad()
        nn.Linear(3, 2)(torch.randn(1, 3))  # the next call lets go of the last batch
        assert gone[0]() is None

    watch(steps, probes=False)


def test_a_healthy_run_writes_nothing_and_says_so(watch):
    run = watch(lambda: train(nn.Linear(3, 2), some_batches(4), functional.mse_loss), probes=False)
    assert not (run.path / "black_box").exists()
    assert run.reason("black_box") is not None
    assert find_box(run.path, None) is None


def test_what_is_written_is_listed_in_the_run(watch):
    run = watch(lambda: train(nn.Linear(3, 2), some_batches(3, bad=2), functional.mse_loss), probes=False)
    records = run.get("black_box")
    assert [r["step"] for r in records] == [0, 1, 2]
    assert all((run.path / "black_box" / r["file"]).stat().st_size == r["bytes"] for r in records)


def test_a_batch_that_the_program_overwrites_is_stored_as_it_was(watch):
    model, buffer = nn.Linear(3, 2), torch.empty(8, 3)
    batches = some_batches(3, bad=2)

    def refilled():
        for x, y in batches:
            yield buffer.copy_(x), y

    found = boxes(watch(lambda: train(model, refilled(), functional.mse_loss), probes=False))
    for step in (0, 1, 2):
        stored = found[step].load(found[step].about["calls"][0]["args"]["tuple"][0]["tensor"])
        assert torch.allclose(stored, batches[step][0], equal_nan=True)


def test_weights_that_are_too_large_to_copy_are_those_at_the_moment_of_writing(watch, monkeypatch):
    monkeypatch.setattr(torch_black_box, "COPIED_WEIGHTS", 4)
    model, before = nn.Linear(3, 2), []

    def seen(out, y):
        before.append(model.weight.detach().clone())
        return functional.mse_loss(out, y)

    found = boxes(watch(lambda: train(model, some_batches(4, bad=2), seen), probes=False))
    assert sorted(found) == [2]
    assert torch.equal(found[2].tensors["weight.Linear:weight"], before[2])


def test_weights_beyond_the_limit_are_left_out_with_a_reason(watch, monkeypatch):
    monkeypatch.setattr(torch_black_box, "COPIED_WEIGHTS", 4)
    monkeypatch.setattr(torch_black_box, "WRITTEN_WEIGHTS", 4)
    run = watch(lambda: train(nn.Linear(3, 2), some_batches(1, bad=0), functional.mse_loss), probes=False)
    box = boxes(run)[0]
    assert "more than" in box.about["weights_missing"]
    assert not any(name.startswith("weight.") for name in box.tensors)


def test_memory_holds_no_more_than_was_allowed():
    packer = Packer(limit=4 * 100)
    packed = packer.pack([torch.zeros(60), torch.zeros(60)], "batch")
    assert "tensor" in packed["list"][0]
    assert packed["list"][1] == {"own": 1}
    assert packer.left_out == ["batch.1"]
    assert packer.bytes == 240


class Pair(NamedTuple):
    left: torch.Tensor
    right: float


def back(value, own=None):
    packer = Packer(LIMIT)
    packed = json.loads(json.dumps(packer.pack(value, "v")))
    return unpack(packed, value if own is None else own, lambda name: packer.held[name].tensor)


def test_values_come_back_as_they_were():
    value = {
        "x": torch.arange(3),
        "more": [1, None, "a", 2.5, float("inf"), (torch.ones(2, dtype=torch.bfloat16), True)],
    }
    made = back(value)
    assert torch.equal(made["x"], value["x"])
    assert made["more"][:5] == [1, None, "a", 2.5, float("inf")]
    assert made["more"][5][0].dtype == torch.bfloat16
    assert isinstance(made["more"][5], tuple)
    assert made["more"][5][1] is True


def test_named_tuples_arrays_and_objects_come_back_as_they_were():
    pair = back(Pair(torch.ones(2), 0.5))
    assert isinstance(pair, Pair)
    assert pair.right == 0.5
    assert (back(np.arange(4)) == np.arange(4)).all()
    thing = back(SimpleNamespace(x=torch.ones(2), n=3))
    assert torch.equal(thing.x, torch.ones(2))
    assert thing.n == 3


def test_what_cannot_be_kept_is_the_programs_own():
    own = nn.Linear(2, 2)
    assert back(own) is own
    assert Packer(LIMIT).pack(lambda: 0, "f") == {"own": 1}


def test_the_same_tensor_is_kept_once():
    packer, x = Packer(LIMIT), torch.ones(5)
    assert packer.pack(x, "a") == packer.pack(x, "b")
    assert list(packer.held) == ["a"]


def test_a_tensor_that_is_shared_and_changed_in_place_is_noticed(monkeypatch):
    monkeypatch.setattr("netvet.capture.torch_box_values.COPIED_BYTES", 0)
    packer, x = Packer(LIMIT), torch.ones(5)
    packer.pack(x, "x")
    assert not packer.held["x"].changed
    x.add_(1)
    assert packer.held["x"].changed


def test_generators_come_back_as_they_were():
    np.random.seed(1)
    random.seed(2)
    torch.manual_seed(3)
    random.gauss(0, 1)
    np.random.randn()
    states = random_states()

    def draws():
        return torch.rand(2).tolist(), np.random.randn(3).tolist(), random.gauss(0, 1), random.random()

    first = draws()
    set_random_states(as_tensors(states))
    assert draws() == first


def test_files_keep_types_and_views(tmp_path):
    whole = torch.arange(12.0).reshape(3, 4)
    tensors = {"view": whole[:, 1], "complex": torch.ones(2, dtype=torch.complex128) * 1j, "half": whole.half().t()}
    write_box(tmp_path / "black_box" / "step3.safetensors", {"step": 3, "reason": "loss"}, tensors)
    box = read_box(tmp_path / "black_box" / "step3.safetensors")
    assert all(torch.equal(box.tensors[n], t) and box.tensors[n].dtype == t.dtype for n, t in tensors.items())
    assert find_box(tmp_path, None) == find_box(tmp_path, 3) == box.path


def test_a_step_that_is_not_stored_is_named_with_those_that_are(tmp_path):
    write_box(tmp_path / "black_box" / "step3.safetensors", {"step": 3, "reason": "loss"}, {})
    with pytest.raises(NetvetError, match=r"step 7 .* is not stored; stored are: 3"):
        find_box(tmp_path, 7)


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", b"\x02\x00\x00\x00\x00\x00\x00\x00{}"])
def test_a_file_that_is_none_is_refused(tmp_path, content):
    file = tmp_path / "step1.safetensors"
    file.write_bytes(content)
    with pytest.raises(NetvetError, match=r"cannot read|no step that netvet stored"):
        read_box(file)


def test_a_file_of_a_newer_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("netvet.capture.torch_box_file.FORMAT", 99)
    write_box(tmp_path / "step1.safetensors", {"step": 1}, {})
    monkeypatch.undo()
    with pytest.raises(NetvetError, match="update netvet"):
        read_box(tmp_path / "step1.safetensors")
