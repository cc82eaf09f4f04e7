"""Random transforms are left out of a copy, and the data set of the user stays as it was."""

import torch
from torch.utils.data import ConcatDataset, Dataset, Subset

from netvet.data.readers.torch_data import Part, TorchData
from netvet.data.readers.transforms import plain


class RandomHorizontalFlip:
    def __call__(self, x):
        return x.flip(-1) if torch.rand(()) < 0.5 else x


class Normalize:
    def __call__(self, x):
        return (x - 0.5) / 0.5


class Compose:
    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, x):
        for one in self.transforms:
            x = one(x)
        return x


class Pictures(Dataset):
    def __init__(self, transform):
        self.transform = transform

    def __len__(self):
        return 40

    def __getitem__(self, i):
        x = torch.arange(64.0).reshape(1, 8, 8) + i
        return (x if self.transform is None else self.transform(x)), i % 2


def test_random_parts_of_a_chain_are_left_out_behind_subsets_too():
    inner = Pictures(Compose([RandomHorizontalFlip(), Normalize()]))
    for dataset in (inner, Subset(inner, range(20)), ConcatDataset([inner, inner])):
        made, left = plain(dataset)
        assert set(left) == {"RandomHorizontalFlip"}
        assert TorchData([Part("train", dataset, ("0",), "1")], "x", 60).changing == ["train"]
        assert TorchData([Part("train", made, ("0",), "1")], "x", 60).changing == []
        assert torch.equal(made[3][0], (torch.arange(64.0).reshape(1, 8, 8) + 3 - 0.5) / 0.5)
    assert len(inner.transform.transforms) == 2


def test_a_lone_random_transform_is_left_out_and_a_plain_one_stays():
    made, left = plain(Pictures(RandomHorizontalFlip()))
    assert made.transform is None
    assert left == ["RandomHorizontalFlip"]
    fixed = Pictures(Compose([Normalize()]))
    assert plain(fixed) == (fixed, [])
    assert plain([1, 2]) == ([1, 2], [])
