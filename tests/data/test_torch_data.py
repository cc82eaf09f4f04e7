"""Data sets of PyTorch read again: what the loader would give, and nothing left changed."""

import random

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, SubsetRandomSampler, TensorDataset

from netvet.core import NetvetError
from netvet.data.audit import Options, audit
from netvet.data.readers.torch_data import Part, TorchData, numbers_of
from netvet.data.script import setup_parts


def read(source, split):
    chunks = [c for s in source.shards() if s.split == split for c in source.read(s)]
    return chunks, [k for c in chunks for k in c.keys]


def pairs(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return TensorDataset(torch.randn(n, 5, generator=generator), torch.randint(0, 3, (n,), generator=generator))


def test_every_sample_comes_once_with_its_target():
    data = pairs(700)
    source = TorchData([Part("train", data, ("0",), "1")], "x", 60)
    chunks, keys = read(source, "train")
    assert keys == [str(i) for i in range(700)]
    np.testing.assert_array_equal(np.concatenate([c.array for c in chunks]), data.tensors[0].numpy())
    np.testing.assert_array_equal(np.concatenate([c.targets for c in chunks]), data.tensors[1].numpy())


def test_a_subset_names_the_rows_behind_it():
    part = Part("val", Subset(Subset(pairs(50), list(range(10, 50))), [0, 7, 3]), ("0",), "1")
    assert read(TorchData([part], "x", 60), "val")[1] == ["10", "17", "13"]


def test_a_sampler_tells_which_samples_belong_to_a_split():
    loader = DataLoader(pairs(20), sampler=SubsetRandomSampler([3, 5, 8]), batch_size=2)
    assert numbers_of(loader) == [3, 5, 8]
    assert numbers_of(DataLoader(pairs(20), shuffle=True)) is None


class Noisy(Dataset):
    def __init__(self):
        self.generator = torch.Generator().manual_seed(1)

    def __len__(self):
        return 30

    def __getitem__(self, i):
        if i == 4:
            raise OSError("truncated")
        noise = torch.rand(3) + random.random() + torch.rand(3, generator=self.generator)
        return {"pixels": noise, "label": i % 2}


def test_reading_leaves_all_generators_as_they_were_and_goes_on_behind_a_broken_sample():
    data = Noisy()
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy(), data.generator.get_state()
    source = TorchData([Part("train", data, ("pixels",), "label")], "x", 60)
    chunks, keys = read(source, "train")
    assert len(keys) == 29
    assert [p.key for c in chunks for p in c.problems] == ["4"]
    assert source.changing == ["train"]
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()[1], data.generator.get_state()
    assert torch.equal(states[0], after[0])
    assert torch.equal(states[3], after[3])
    assert states[1] == after[1]
    np.testing.assert_array_equal(states[2], after[2])


class Stream(IterableDataset):
    def __iter__(self):
        yield from ((torch.full((2,), float(i)), float(i)) for i in range(600))


def test_a_stream_is_read_to_its_end():
    chunks, keys = read(TorchData([Part("train", Stream(), ("0",), "1")], "x", 60), "train")
    assert len(keys) == 600
    assert np.concatenate([c.targets for c in chunks]).tolist() == [float(i) for i in range(600)]


def padded(items):
    longest = max(len(x) for x, _ in items)
    return (
        torch.stack([torch.nn.functional.pad(x, (0, longest - len(x))) for x, _ in items]),
        torch.tensor([y for _, y in items]),
    )


def test_samples_of_several_lengths_are_read_without_the_padding_of_their_batch():
    data = [(torch.ones(1 + i % 4), i % 2) for i in range(40)]
    source = TorchData([Part("train", data, ("0",), "1", collate=padded)], "x", 60)
    chunks, _ = read(source, "train")
    assert [len(x) for c in chunks for x in c.inputs] == [1 + i % 4 for i in range(40)]
    assert len(audit(source, Options(live=True)).data.splits["train"]) == 40


def test_one_hot_targets_are_classes():
    data = TensorDataset(torch.randn(12, 2), torch.eye(3).repeat(4, 1))
    chunks, _ = read(TorchData([Part("train", data, ("0",), "1")], "x", 60), "train")
    assert chunks[0].targets.tolist() == [0, 1, 2] * 4


def test_a_function_may_give_a_data_set_or_loaders_by_split():
    alone = setup_parts(pairs(9), "f")
    both = setup_parts({"val": DataLoader(pairs(4), batch_size=2), "train": pairs(9)}, "f")
    assert [(p.split, p.inputs, p.target) for p in alone] == [("train", ("0",), "1")]
    assert [p.split for p in both] == ["train", "val"]
    with pytest.raises(NetvetError, match="gave a int for train"):
        setup_parts(3, "f")


def test_a_data_set_that_cannot_be_read_again_is_one_clear_line():
    class Closed(Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, i):
            raise ValueError("the file is closed")

    with pytest.raises(NetvetError, match=r"train cannot be read again: .*the file is closed"):
        TorchData([Part("train", Closed(), ("0",))], "x", 60)


class Visits(Dataset):
    def __len__(self):
        return 40

    def __getitem__(self, i):
        return {"pixels": torch.full((3,), float(i)), "patient": f"P{i % 8}", "note": f"text {i}", "label": i % 2}


def test_strings_that_tell_whose_samples_are_come_with_them():
    chunks, _ = read(TorchData([Part("train", Visits(), ("pixels",), "label")], "x", 60), "train")
    assert set(chunks[0].attributes) == {"patient"}
    assert chunks[0].attributes["patient"].tolist() == [f"P{i % 8}" for i in range(40)]
    (part,) = setup_parts(Visits(), "f")
    assert (part.inputs, part.target) == (("pixels",), "label")


class Numbered(Visits):
    def __getitem__(self, i):
        return {**super().__getitem__(i), "patient": i % 8}


def test_the_number_of_a_patient_is_no_input_of_a_data_set_that_a_function_gives():
    (part,) = setup_parts(Numbered(), "f")
    assert (part.inputs, part.target) == (("pixels",), "label")
