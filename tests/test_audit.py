"""The data audit from notebooks: `netvet.audit(...)`."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

import netvet

DIGITS = load_digits()
X, Y = torch.tensor(DIGITS.data / 16, dtype=torch.float32), torch.tensor(DIGITS.target)
CHOSEN = torch.randperm(len(X), generator=torch.Generator().manual_seed(3))
TRAIN, VAL = CHOSEN[:600], CHOSEN[600:800]


def test_data_sets_of_pytorch_are_audited_by_split(tmp_path):
    leaked = torch.cat([VAL, TRAIN[:40]])
    splits = {"train": TensorDataset(X[TRAIN], Y[TRAIN]), "val": DataLoader(TensorDataset(X[leaked], Y[leaked]), 32)}
    found = netvet.audit(splits, store=tmp_path)
    assert [v["check"] for v in found.view["diagnosis"]] == ["split-overlap"]
    assert not found.ok
    assert "40 of 240" in str(found)
    assert "40 of 240" in found._repr_mimebundle_()["text/html"]
    assert found.path.parent == tmp_path


def test_files_are_audited_and_searched(tmp_path):
    np.savez(tmp_path / "digits.npz", x_train=X[TRAIN].numpy(), y_train=Y[TRAIN].numpy())
    found = netvet.audit(tmp_path / "digits.npz", store=tmp_path / "runs")
    assert found.ok
    assert found.find("label == 3").count == int((Y[TRAIN] == 3).sum())


def test_what_is_no_data_is_refused_in_one_line(tmp_path):
    with pytest.raises(netvet.NetvetError, match="there is no such file or folder"):
        netvet.audit(tmp_path / "nowhere.csv", store=tmp_path)
    with pytest.raises(netvet.NetvetError, match="expected"):
        netvet.audit(5, store=tmp_path)
    with pytest.raises(netvet.NetvetError, match="task='guess'"):
        netvet.audit(tmp_path, task="guess")
